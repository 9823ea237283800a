import HTTP1
import TestSupport
import Testing

/// Our parser against Debian's http_parser 2.9.4: a request that both accept, both read alike.
@Suite("HTTP1 beside http_parser")
struct DifferentialTests {
  /// The errors of http_parser for input that ours accepts, and why that is safe.
  private static let accepted: [String: String] = [
    "HPE_INVALID_METHOD": "it knows a list of methods; any token is one (RFC 9110, section 9.1)",
    "HPE_INVALID_TRANSFER_ENCODING":
      "it takes names that begin with transfer-encoding, such as transfer-encoding#, for that; they are other fields",
    "HPE_CLOSED_CONNECTION": "it refuses bytes behind the last request; they are dropped here unread",
  ]

  /// Its errors where a tab stands for a space around a value: RFC 9110, section 5.6.3.
  private static let tabs: Set<String> = ["HPE_INVALID_CONTENT_LENGTH", "HPE_INVALID_CHUNK_SIZE"]

  /// Fields that HTTP1 does not pass on.
  private static let connectionFields: Set<String> = [
    "host", "connection", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding",
  ]

  @Test(
    "requests that both accept are read alike, and those that http_parser alone refuses are known",
    arguments: chunks(of: 500, in: 5_000))
  func altered(seeds: Range<UInt64>) {
    for seed in seeds {
      var random = SplitMix64(seed: seed)
      compare(AlteredRequests.make(using: &random), "seed \(seed)")
    }
  }

  @Test("the unchanged samples", arguments: AlteredRequests.samples)
  func samples(text: String) { compare(Array((text + Wire.request()).utf8), "sample") }

  private func compare(_ bytes: [UInt8], _ name: String) {
    let ours = Reading(bytes)
    let theirs = OtherReading(bytes)
    let comment = Comment(rawValue: "\(name): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
    for (own, other) in zip(ours.requests, theirs.requests) where own.isWhole && other.isWhole {
      #expect(Self.summary(own) == Self.summary(other), comment)
    }
    let ownCount = ours.requests.filter(\.isWhole).count
    let otherCount = theirs.requests.filter(\.isWhole).count
    // Fewer requests of ours are fine: our parser is the stricter one.
    guard ownCount > otherCount else { return }
    let error = theirs.error ?? ""
    let isKnown = Self.accepted[error] != nil || (Self.tabs.contains(error) && bytes.contains(0x09))
    #expect(isKnown, "\(error): \(comment.rawValue)")
  }

  // MARK: The same form for both

  private static func summary(_ request: Reading.Request) -> [String] {
    func value(_ name: String) -> String {
      request.fields.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.utf8.count + 2)) } ?? ""
    }
    let fields = request.fields.filter { !$0.hasPrefix(":") }
    return ["\(value(":method")) \(value(":path"))"] + fields + ["", request.text]
  }

  private static func summary(_ request: OtherReading.Request) -> [String] {
    var fields: [String] = []
    for field in request.fields {
      let name = String(decoding: field.name, as: UTF8.self).lowercased()
      guard !connectionFields.contains(name) else { continue }
      fields.append("\(name): \(trimmed(String(decoding: field.value, as: UTF8.self)))")
    }
    let target = String(decoding: request.target, as: UTF8.self)
    let body = String(decoding: request.body, as: UTF8.self)
    return ["\(request.method) \(path(target, isOptions: request.method == "OPTIONS"))"] + fields + ["", body]
  }

  private static func trimmed(_ text: String) -> String {
    var text = text.unicodeScalars[...]
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }

  /// A target's path and query.
  private static func path(_ target: String, isOptions: Bool) -> String {
    guard let scheme = ["http://", "https://"].first(where: { target.lowercased().hasPrefix($0) }) else {
      return target
    }
    let rest = target.dropFirst(scheme.count)
    let path = rest[(rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex)...]
    if path.isEmpty { return isOptions ? "*" : "/" }
    return path.hasPrefix("?") ? "/" + path : String(path)
  }
}

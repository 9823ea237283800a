import HTTP1
import SplitMix
import TestSupport
import Testing

/// Our parser against Debian's http_parser 2.9.4: a request that both accept, both read alike.
/// Where one of them stops before the other, it is known why.
@Suite("HTTP1 beside http_parser")
struct DifferentialTests {
  /// Input that ours accepts and http_parser refuses.
  private struct Exception: Sendable {
    /// http_parser's error.
    let error: String
    /// Whether the first request that http_parser lacks is such input.
    let holds: @Sendable (_ own: Reading.Request, _ bytes: [UInt8]) -> Bool
  }

  private static let exceptions = [
    // http_parser knows a list of methods; any token is one (RFC 9110, section 9.1).
    Exception(error: "HPE_INVALID_METHOD") { own, _ in
      !OtherReading.methods.contains(value(":method", of: own)) && !value(":method", of: own).isEmpty
    },
    // http_parser takes a longer name that begins with transfer-encoding for that; it is another
    // field, as long as its name is a token. The field itself is never passed on.
    Exception(error: "HPE_INVALID_TRANSFER_ENCODING") { own, _ in
      own.fields.contains { $0.hasPrefix("transfer-encoding") }
    },
    // A tab may stand around a value, as a space may (RFC 9110, section 5.6.3). The number itself
    // is digits alone.
    Exception(error: "HPE_INVALID_CONTENT_LENGTH") { own, bytes in
      let number = value("content-length", of: own)
      return !number.isEmpty && number.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        && holdsLine(bytes, name: "content-length:") { $0.contains(0x09) }
    },
    // Likewise between a chunk's size and its extension (RFC 9112, section 7.1.1).
    Exception(error: "HPE_INVALID_CHUNK_SIZE") { own, bytes in
      own.head.body == .chunked
        && lines(bytes).contains { line in
          let size = line.prefix { $0.isHexDigit }
          let blank = line.dropFirst(size.count).prefix { $0 == 0x20 || $0 == 0x09 }
          return !size.isEmpty && blank.contains(0x09)
            && line.dropFirst(size.count + blank.count).first == UInt8(ascii: ";")
        }
    },
  ]

  /// Fields that HTTP1 does not pass on.
  private static let connectionFields: Set<String> = [
    "host", "connection", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding",
  ]

  @Test(
    "requests that both accept are read alike, and where only one goes on it is known why",
    arguments: chunks(of: 500, in: 5_000))
  func altered(seeds: Range<UInt64>) {
    for seed in seeds {
      var random = SplitMix64(seed: seed)
      compare(AlteredRequests.make(using: &random), "seed \(seed)")
    }
  }

  @Test("the unchanged samples", arguments: AlteredRequests.samples)
  func samples(text: String) { compare(Array((text + Wire.request()).utf8), "sample") }

  @Test("requests that ours refuses, and one behind each", arguments: RefusedRequests.all)
  func refused(request: RefusedRequest) { compare(Array((request.text + Wire.request()).utf8), "refused") }

  private func compare(_ bytes: [UInt8], _ name: String) {
    let ours = Reading(bytes)
    let theirs = OtherReading(bytes)
    let comment = Comment(rawValue: "\(name): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
    for (own, other) in zip(ours.requests, theirs.requests) where own.isWhole && other.isWhole {
      #expect(Self.summary(own) == Self.summary(other), comment)
    }
    let ownCount = ours.requests.filter(\.isWhole).count
    let otherCount = theirs.requests.filter(\.isWhole).count
    if ownCount < otherCount {
      // The stricter verdict is safe because it ends the connection: ours answers no further
      // request. Where ours waits for more, what it has is refused whatever the end of its line:
      // http_parser does not look at the byte behind the last CR of a head.
      let saysClose = ours.requests.last.map { $0.isWhole && !$0.head.keepsAlive } ?? false
      let verdicts = ours.isClosed ? [ours] : ["\r\n\r\n", "\n\r\n", "\n\n"].map { Reading(bytes + Array($0.utf8)) }
      for verdict in verdicts {
        #expect(verdict.isClosed && (verdict.refusal != nil || saysClose), "ours goes on: \(comment.rawValue)")
        #expect(verdict.requests.filter(\.isWhole).count == ownCount, "ours answers: \(comment.rawValue)")
      }
    } else if ownCount > otherCount {
      let error = theirs.error ?? "waits"
      let own = ours.requests.filter(\.isWhole)[otherCount]
      let isKnown = Self.exceptions.contains { $0.error == error && $0.holds(own, bytes) }
      #expect(isKnown, "http_parser says \(error): \(comment.rawValue)")
    }
  }

  private static func value(_ name: String, of request: Reading.Request) -> String {
    request.fields.first { $0.hasPrefix(name + ": ") }.map { String($0.dropFirst(name.utf8.count + 2)) } ?? ""
  }

  private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] { bytes.split(separator: 0x0A) }

  private static func holdsLine(_ bytes: [UInt8], name: String, _ body: (ArraySlice<UInt8>) -> Bool) -> Bool {
    lines(bytes).contains { line in
      String(decoding: line.prefix(name.utf8.count), as: UTF8.self).lowercased() == name && body(line)
    }
  }

  // MARK: The same form for both

  private static func summary(_ request: Reading.Request) -> [String] {
    let fields = request.fields.filter { !$0.hasPrefix(":") }
    return ["\(value(":method", of: request)) \(value(":path", of: request))"] + fields + ["", request.text]
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

extension UInt8 {
  fileprivate var isHexDigit: Bool { Character(Unicode.Scalar(self)).isHexDigit && self < 0x80 }
}

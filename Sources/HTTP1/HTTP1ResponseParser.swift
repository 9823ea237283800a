import HTTP

/// Turns a client connection's bytes, however they are split, into one response. Source: RFC 9112.
struct HTTP1ResponseParser {
  enum Event {
    /// The fields are in the list that `next` was given, `:status` first.
    case head
    case body(ArraySlice<UInt8>)
    /// The response is complete.
    case end(keepsAlive: Bool)
  }

  private enum State {
    case head
    /// So many bytes of a body are missing.
    case body(Int)
    case chunkLine
    case chunkData(Int)
    /// The line end behind a chunk.
    case chunkEnd
    case trailers
    case complete
  }

  /// Bytes of a head, and of any line behind it.
  static let headBytesMax = 131_072

  private var state = State.head
  private var held: [UInt8] = []
  private var keepsAlive = true

  /// Bytes kept of a line that is not whole.
  var heldBytes: Int { held.count }

  /// - Parameter bytes: What has come; what was read is removed.
  /// - Returns: nil when more must come for the next event.
  mutating func next(_ bytes: inout ArraySlice<UInt8>, _ headers: ReceivedHeaders) throws(HTTPError) -> Event? {
    while true {
      switch state {
      case .head:
        guard let line = try line(&bytes) else { return nil }
        if try readHeadLine(line, headers) { return .head }
      case .body(0), .complete:
        state = .complete
        return .end(keepsAlive: keepsAlive)
      case .body(let missing):
        guard let part = Self.take(&bytes, missing) else { return nil }
        state = .body(missing - part.count)
        return .body(part)
      case .chunkLine:
        guard let line = try line(&bytes) else { return nil }
        guard let count = Int(line.prefix { $0 != ";" }.trimmingSpaces, radix: 16), count >= 0 else {
          throw .fatal(reason: "a malformed chunk")
        }
        state = count == 0 ? .trailers : .chunkData(count)
      case .chunkData(let missing):
        guard let part = Self.take(&bytes, missing) else { return nil }
        state = missing == part.count ? .chunkEnd : .chunkData(missing - part.count)
        return .body(part)
      case .chunkEnd:
        guard let line = try line(&bytes) else { return nil }
        guard line.isEmpty else { throw .fatal(reason: "a malformed chunk") }
        state = .chunkLine
      case .trailers:
        guard let line = try line(&bytes) else { return nil }
        if line.isEmpty { state = .complete }
      }
    }
  }

  private static func take(_ bytes: inout ArraySlice<UInt8>, _ count: Int) -> ArraySlice<UInt8>? {
    guard !bytes.isEmpty else { return nil }
    let part = bytes.prefix(count)
    bytes.removeFirst(part.count)
    return part
  }

  /// The next line, without its end; nil until it is whole.
  private mutating func line(_ bytes: inout ArraySlice<UInt8>) throws(HTTPError) -> String? {
    let end = bytes.firstIndex(of: UInt8.lineFeed)
    held += bytes[..<(end ?? bytes.endIndex)]
    bytes = end.map { bytes[($0 + 1)...] } ?? []
    guard held.count <= Self.headBytesMax else { throw .fatal(reason: "a line is too long") }
    guard end != nil else { return nil }
    if held.last == UInt8.carriageReturn { held.removeLast() }
    defer { held.removeAll(keepingCapacity: true) }
    return String(decoding: held, as: UTF8.self)
  }

  /// - Returns: Whether it was the head's last line.
  private mutating func readHeadLine(_ line: String, _ headers: ReceivedHeaders) throws(HTTPError) -> Bool {
    guard !headers.fields.isEmpty else {
      let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].utf8.count == 3, Int(parts[1]) != nil else {
        throw .fatal(reason: "the answer is not HTTP/1.1")
      }
      keepsAlive = parts[0] == "HTTP/1.1"
      headers.append(":status", String(parts[1]))
      return false
    }
    guard line.isEmpty else {
      guard let colon = line.firstIndex(of: ":"), headers.listBytes + line.utf8.count <= Self.headBytesMax else {
        throw .fatal(reason: "a malformed field line")
      }
      headers.append(line[..<colon].lowercased(), line[line.index(after: colon)...].trimmingSpaces)
      return false
    }
    let status = headers.firstValue(":status") ?? ""
    if headers.isInformational {
      headers.removeAll()
      return false
    }
    if headers.firstValue("connection")?.lowercased() == "close" { keepsAlive = false }
    if status == "204" || status == "304" {
      state = .body(0)
    } else if headers.firstValue("transfer-encoding") == "chunked" {
      state = .chunkLine
    } else if let count = headers.firstValue("content-length").flatMap({ Int($0) }), count >= 0 {
      state = .body(count)
    } else {
      throw .fatal(reason: "the answer's length is not known")
    }
    return true
  }
}

extension StringProtocol {
  /// Without spaces and tabs at both ends.
  fileprivate var trimmingSpaces: String {
    let start = drop { $0 == " " || $0 == "\t" }
    return String(String(start.reversed().drop { $0 == " " || $0 == "\t" }).reversed())
  }
}

extension ReceivedHeaders {
  fileprivate func append(_ name: String, _ value: String) {
    var bytes = Array(name.utf8)
    bytes += value.utf8
    unsafe bytes.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe append(
        name: start, nameCount: name.utf8.count, value: start + name.utf8.count, valueCount: value.utf8.count)
    }
  }
}

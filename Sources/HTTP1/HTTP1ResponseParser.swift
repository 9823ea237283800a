import HTTP

/// Turns a client connection's bytes, however they are split, into one response.
///
/// Source: RFC 9112, read as strictly as requests are: a response that two readers could end at
/// different places is refused, and so is one that ends with its connection.
struct HTTP1ResponseParser {
  enum Event {
    /// The fields are in the list that `next` was given, `:status` first.
    case head
    case body(ArraySlice<UInt8>)
    /// The response is complete.
    case end(keepsAlive: Bool)
  }

  private enum State {
    case statusLine
    /// Before the end of the field lines of a response with this status.
    case fields(Int)
    /// So many bytes of a body are missing.
    case body(Int)
    case chunkLine
    case chunkData(Int)
    /// The line end behind a chunk.
    case chunkEnd
    case trailers
    case complete
  }

  /// Bytes of a head, of a trailer section, and of any line.
  static let headBytesMax = 131_072
  private static let limits = HTTP1Limits()

  private var state = State.statusLine
  /// The line that is not whole.
  private var held: [UInt8] = []
  private var framing = ResponseFraming()
  private var isVersion11 = true
  private var extensionBytes = 0
  private var trailerBytes = 0

  /// Bytes kept of a line that is not whole.
  var heldBytes: Int { held.count }

  /// - Parameter bytes: What has come; what was read is removed.
  /// - Returns: nil when more must come for the next event.
  mutating func next(_ bytes: inout ArraySlice<UInt8>, _ headers: ReceivedHeaders) throws(HTTPError) -> Event? {
    do throws(HTTP1Refusal) { return try read(&bytes, headers) } catch {
      throw .fatal(reason: "the response is malformed: \(error.rawValue)")
    }
  }

  private mutating func read(_ bytes: inout ArraySlice<UInt8>, _ headers: ReceivedHeaders) throws(HTTP1Refusal)
    -> Event?
  {
    while true {
      switch state {
      case .statusLine:
        guard let line = try line(&bytes) else { return nil }
        let status = try unsafe line.withUnsafeBufferPointer { line throws(HTTP1Refusal) in
          try unsafe readStatusLine(line)
        }
        state = .fields(status)
      case .fields(let status):
        guard let line = try line(&bytes) else { return nil }
        guard line.isEmpty else {
          try unsafe line.withUnsafeBufferPointer { line throws(HTTP1Refusal) in
            try unsafe readField(line, status, headers)
          }
          continue
        }
        if try endHead(status, headers) { return .head }
      case .body(0), .complete:
        state = .complete
        return .end(keepsAlive: isVersion11 && !framing.closes)
      case .body(let missing):
        guard let part = Self.take(&bytes, missing) else { return nil }
        state = .body(missing - part.count)
        return .body(part)
      case .chunkLine:
        guard let line = try line(&bytes) else { return nil }
        try readChunkLine(line)
      case .chunkData(let missing):
        guard let part = Self.take(&bytes, missing) else { return nil }
        state = missing == part.count ? .chunkEnd : .chunkData(missing - part.count)
        return .body(part)
      case .chunkEnd:
        guard let line = try line(&bytes) else { return nil }
        guard line.isEmpty else { throw .chunk }
        state = .chunkLine
      case .trailers:
        guard let line = try line(&bytes) else { return nil }
        guard !line.isEmpty else {
          state = .complete
          continue
        }
        trailerBytes += line.count
        guard trailerBytes <= Self.headBytesMax else { throw .headersTooLarge }
        try unsafe line.withUnsafeBufferPointer { line throws(HTTP1Refusal) in try unsafe FieldLine.checkTrailer(line) }
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
  private mutating func line(_ bytes: inout ArraySlice<UInt8>) throws(HTTP1Refusal) -> [UInt8]? {
    let end = bytes.firstIndex(of: UInt8.lineFeed)
    held += bytes[..<(end ?? bytes.endIndex)]
    bytes = end.map { bytes[($0 + 1)...] } ?? []
    guard held.count <= Self.headBytesMax else { throw .headersTooLarge }
    guard end != nil else { return nil }
    guard held.popLast() == UInt8.carriageReturn else { throw .lineEnd }
    var line: [UInt8] = []
    swap(&line, &held)
    return line
  }

  // MARK: Head

  /// Source: RFC 9112, section 4.
  /// - Returns: The status.
  private mutating func readStatusLine(_ line: Bytes) throws(HTTP1Refusal) -> Int {
    guard line.count >= Self.statusLineBytesMin, unsafe line[8] == 0x20, unsafe line[12] == 0x20,
      let status = unsafe line.part(9..<12).decimalNumber, (100...599).contains(status),
      unsafe FieldSyntax.isValue(line.part(Self.statusLineBytesMin..<line.count))
    else { throw .requestLine }
    let version = unsafe line.part(0..<8)
    isVersion11 = unsafe version.equals("HTTP/1.1")
    guard unsafe isVersion11 || version.equals("HTTP/1.0") else { throw .version }
    // Nothing here asks for another protocol.
    guard status != 101 else { throw .version }
    return status
  }

  /// Bytes of a status line with an empty reason, such as `HTTP/1.1 200 `.
  private static let statusLineBytesMin = 13

  private mutating func readField(_ line: Bytes, _ status: Int, _ headers: ReceivedHeaders) throws(HTTP1Refusal) {
    guard headers.listBytes + line.count <= Self.headBytesMax else { throw .headersTooLarge }
    if headers.fields.isEmpty { Self.append(":status", "\(status)", to: headers) }
    try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: line.count) { room throws(HTTP1Refusal) in
      guard let name = room.baseAddress else { return }
      let field = try unsafe FieldLine(line, lowercaseName: name)
      let value = unsafe line.part(field.value)
      try unsafe framing.take(Bytes(start: name, count: field.nameCount), value)
      unsafe headers.append(
        name: name, nameCount: field.nameCount, value: value.baseAddress ?? UnsafePointer(name), valueCount: value.count
      )
    }
  }

  /// - Returns: false for an interim response, which another one follows.
  private mutating func endHead(_ status: Int, _ headers: ReceivedHeaders) throws(HTTP1Refusal) -> Bool {
    if headers.fields.isEmpty { Self.append(":status", "\(status)", to: headers) }
    let body = try framing.body(status: status, isVersion11: isVersion11)
    guard status >= 200 else {
      headers.removeAll()
      framing = ResponseFraming()
      state = .statusLine
      return false
    }
    switch body {
    case .none: state = .complete
    case .bytes(let count): state = .body(count)
    case .chunked: state = .chunkLine
    }
    return true
  }

  private static func append(_ name: StaticString, _ value: String, to headers: ReceivedHeaders) {
    var value = value
    value.withUTF8 { value in
      guard let start = value.baseAddress else { return }
      unsafe headers.append(
        name: name.utf8Start, nameCount: name.utf8CodeUnitCount, value: start, valueCount: value.count)
    }
  }

  // MARK: Chunks

  private mutating func readChunkLine(_ line: [UInt8]) throws(HTTP1Refusal) {
    let chunk = try unsafe line.withUnsafeBufferPointer { line throws(HTTP1Refusal) in
      try unsafe ChunkLine(line, limits: Self.limits)
    }
    extensionBytes += chunk.extensionBytes
    guard extensionBytes <= Self.limits.chunkExtensionBytesMax else { throw .chunkExtensionsTooLarge }
    state = chunk.byteCount == 0 ? .trailers : .chunkData(chunk.byteCount)
  }
}

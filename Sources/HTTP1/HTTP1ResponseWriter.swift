public import HTTP

/// Writes one response: head, body, end. Source: RFC 9112, sections 4, 6, 7 and 9.
///
/// What it writes cannot be split into two responses, whatever it is given: fields whose names are
/// no tokens are left out, control bytes in values become spaces, and the fields that frame the
/// message are its own; of those it is given it heeds `connection: close` alone.
public struct HTTP1ResponseWriter: Sendable {
  /// How the end of the body is marked.
  private enum Framing {
    /// There is no body.
    case none
    /// By its length.
    case counted
    case chunked
    /// By the end of the connection: version 1.0.
    case untilClose
  }

  private let version: HTTP1RequestHead.Version
  private let isHead: Bool
  private var framing = Framing.none
  /// The connection closes after the response.
  public private(set) var closes: Bool

  /// The response to a request.
  public init(to request: HTTP1RequestHead) {
    version = request.version
    isHead = request.isHead
    closes = !request.keepsAlive
  }

  /// The response to what was refused before it was a request.
  public static var refusing: HTTP1ResponseWriter {
    var unknown = HTTP1RequestHead()
    unknown.keepsAlive = false
    return HTTP1ResponseWriter(to: unknown)
  }

  /// Has the connection close after the response, whose head is not written.
  public mutating func close() { closes = true }

  // MARK: Head

  /// Asks a client for the body that it announced. Source: RFC 9110, section 15.2.1.
  public static func appendContinue(to output: inout [UInt8]) { append("HTTP/1.1 100 Continue\r\n\r\n", to: &output) }

  /// Writes the head.
  ///
  /// - Parameters:
  ///   - fields: `:status`, and fields with names in lower case.
  ///   - bodyBytes: Bytes of the body; nil when they are not known yet.
  ///   - date: What the field Date says, from `HTTPDate`.
  public mutating func appendHead(
    _ fields: HeaderBlock, bodyBytes: Int?, date: String, to output: inout [UInt8]
  ) {
    unsafe fields.bytes.withUnsafeBufferPointer { bytes in
      let lent = fields.fields.lazy.map { field in
        let value = field.start + field.nameCount
        return unsafe FieldBytes(
          name: bytes.part(field.start..<value), value: bytes.part(value..<value + field.valueCount))
      }
      appendHead(lent, bodyBytes: bodyBytes, date: date, to: &output)
    }
  }

  /// The same with fields that never change.
  public mutating func appendHead(
    constant fields: ConstantHeaders, bodyBytes: Int?, date: String, to output: inout [UInt8]
  ) {
    let lent = fields.fields.lazy.map { field in
      unsafe FieldBytes(
        name: Bytes(start: field.name.utf8Start, count: field.name.utf8CodeUnitCount),
        value: Bytes(start: field.value.utf8Start, count: field.value.utf8CodeUnitCount))
    }
    appendHead(lent, bodyBytes: bodyBytes, date: date, to: &output)
  }

  /// A field that the caller lends.
  @safe private struct FieldBytes {
    let name: Bytes
    let value: Bytes
  }

  private mutating func appendHead(
    _ fields: some Sequence<FieldBytes>, bodyBytes: Int?, date: String, to output: inout [UInt8]
  ) {
    let status = Self.status(fields)
    let hasBody = status >= 200 && status != 204 && status != 304
    if !hasBody || isHead {
      framing = .none
    } else if bodyBytes != nil {
      framing = .counted
    } else if version == .http11 {
      framing = .chunked
    } else {
      framing = .untilClose
      closes = true
    }
    Self.append("HTTP/1.1 ", to: &output)
    output.append(contentsOf: "\(status)".utf8)
    output.append(0x20)
    Self.append(ReasonPhrase.text(status), to: &output)
    Self.append("\r\ndate: ", to: &output)
    output.append(contentsOf: date.utf8)
    Self.append("\r\n", to: &output)
    for field in fields {
      guard unsafe !Self.isOwn(field.name) else {
        if unsafe field.name.equalsIgnoringCase("connection"), unsafe field.value.equals("close") { closes = true }
        continue
      }
      unsafe Self.append(field.name, field.value, to: &output)
    }
    if hasBody, let bodyBytes {
      Self.append("content-length: ", to: &output)
      output.append(contentsOf: "\(bodyBytes)".utf8)
      Self.append("\r\n", to: &output)
    }
    if framing == .chunked { Self.append("transfer-encoding: chunked\r\n", to: &output) }
    if closes {
      Self.append("connection: close\r\n", to: &output)
    } else if version == .http10 {
      Self.append("connection: keep-alive\r\n", to: &output)
    }
    Self.append("\r\n", to: &output)
  }

  /// The code that `:status` holds; 500 where it holds none.
  private static func status(_ fields: some Sequence<FieldBytes>) -> Int {
    for field in fields where unsafe field.name.equals(":status") {
      guard unsafe field.value.count == 3, let status = unsafe field.value.decimalNumber, status >= 100 else {
        return 500
      }
      return status
    }
    return 500
  }

  private static func append(_ name: Bytes, _ value: Bytes, to output: inout [UInt8]) {
    guard unsafe FieldSyntax.isToken(name) else { return }
    unsafe output.append(contentsOf: name)
    append(": ", to: &output)
    let start = output.count
    unsafe output.append(contentsOf: value)
    if unsafe !FieldSyntax.isValue(value) {
      for index in start..<output.count where output[index] < 0x20 && output[index] != 0x09 || output[index] == 0x7F {
        output[index] = 0x20
      }
    }
    append("\r\n", to: &output)
  }

  /// Whether the writer decides on a field.
  private static func isOwn(_ name: Bytes) -> Bool {
    switch name.count {
    case 2: unsafe name.equalsIgnoringCase("te")
    case 4: unsafe name.equalsIgnoringCase("date")
    case 7: unsafe name.equalsIgnoringCase("trailer") || name.equalsIgnoringCase("upgrade")
    case 10: unsafe name.equalsIgnoringCase("connection") || name.equalsIgnoringCase("keep-alive")
    case 14: unsafe name.equalsIgnoringCase("content-length")
    case 16: unsafe name.equalsIgnoringCase("proxy-connection")
    case 17: unsafe name.equalsIgnoringCase("transfer-encoding")
    default: false
    }
  }

  // MARK: Body

  /// Bytes that a chunk needs beside its data, at most: 16 digits and two line ends.
  private static let chunkOverheadBytes = 20

  /// Writes the next part of the body, as far as there is room. Where the response has no body, it
  /// is dropped.
  /// - Returns: Bytes of `part` that were taken.
  public func appendBody(_ part: RawSpan, to output: HTTPOutputBuffer) -> Int {
    guard framing != .none else { return part.byteCount }
    let room = output.freeBytes - (framing == .chunked ? Self.chunkOverheadBytes : 0)
    let count = min(part.byteCount, room)
    guard count > 0 else { return 0 }
    if framing == .chunked { Self.append(String(count, radix: 16), "\r\n", to: output) }
    _ = unsafe part.extracting(..<count).withUnsafeBytes { unsafe output.append($0) }
    if framing == .chunked { Self.append("", "\r\n", to: output) }
    return count
  }

  /// Writes what ends the response.
  /// - Returns: false when there is no room for it.
  public func appendEnd(to output: HTTPOutputBuffer) -> Bool {
    guard framing == .chunked else { return true }
    guard output.freeBytes >= Self.chunkOverheadBytes else { return false }
    Self.append("0", "\r\n\r\n", to: output)
    return true
  }

  /// There is room for it.
  private static func append(_ text: String, _ lineEnd: StaticString, to output: HTTPOutputBuffer) {
    var text = text
    text.withUTF8 { _ = unsafe output.append(UnsafeRawBufferPointer($0)) }
    _ = unsafe output.append(UnsafeRawBufferPointer(start: lineEnd.utf8Start, count: lineEnd.utf8CodeUnitCount))
  }

  private static func append(_ text: StaticString, to output: inout [UInt8]) {
    unsafe output.append(contentsOf: Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

/// What the fields of a response say about the message and its connection, collected one by one.
struct ResponseFraming {
  private var contentLength: Int?
  private var isChunked = false
  /// The server closes the connection after the response.
  private(set) var closes = false

  /// Takes one field.
  /// - Parameter name: In lower case.
  mutating func take(_ name: Bytes, _ value: Bytes) throws(HTTP1Refusal) {
    if unsafe name.equals("content-length") {
      guard contentLength == nil, let count = unsafe value.decimalNumber else { throw .contentLength }
      contentLength = count
    } else if unsafe name.equals("transfer-encoding") {
      guard !isChunked, unsafe value.equalsIgnoringCase("chunked") else { throw .transferCoding }
      isChunked = true
    } else if unsafe name.equals("connection") {
      var closes = self.closes
      unsafe value.forEachListElement { if unsafe $0.equalsIgnoringCase("close") { closes = true } }
      self.closes = closes
    }
  }

  /// How the body's end is found. Source: RFC 9112, sections 6.1 and 6.3; RFC 9110, section 8.6.
  func body(status: Int, isVersion11: Bool) throws(HTTP1Refusal) -> HTTP1RequestHead.Body {
    guard !isChunked || isVersion11 else { throw .transferCoding }
    guard !isChunked || contentLength == nil else { throw .twoLengths }
    switch status {
    case 100..<200, 204:
      guard !isChunked else { throw .transferCoding }
      guard contentLength ?? 0 == 0 else { throw .contentLength }
      return .none
    case 304: return .none
    default:
      guard !isChunked else { return .chunked }
      // Otherwise the body ends with the connection, and a lost one would look like its end.
      guard let contentLength else { throw .contentLength }
      return contentLength > 0 ? .bytes(contentLength) : .none
    }
  }
}

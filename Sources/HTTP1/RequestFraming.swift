/// What the fields of a request say about the message and its connection, collected one by one.
struct RequestFraming {
  /// The transfer codings of the body.
  private enum Codings {
    case none
    case chunked
    /// Others in front of `chunked`.
    case unknown
    case invalid
  }

  private var contentLength: Int?
  private var codings = Codings.none
  private var closes = false
  private var keepsAlive = false
  private var expectsContinue = false
  private var expectsMore = false

  /// Takes one field.
  /// - Parameter name: In lower case.
  /// - Returns: Whether the layer above is given it. It is not given the fields of a connection,
  ///   which HTTP/2 does not have (RFC 9113, section 8.2.2), nor Host, which is its `:authority`.
  @inline(__always)
  mutating func take(_ name: Bytes, _ value: Bytes) throws(HTTP1Refusal) -> Bool {
    switch name.count {
    case 4, 6, 7, 10, 14, 16, 17: unsafe try takeKnown(name, value)
    default: true
    }
  }

  private mutating func takeKnown(_ name: Bytes, _ value: Bytes) throws(HTTP1Refusal) -> Bool {
    switch name.count {
    case 4: return unsafe !name.equals("host")
    case 6:
      guard unsafe name.equals("expect") else { return true }
      if unsafe value.equalsIgnoringCase("100-continue") { expectsContinue = true } else { expectsMore = true }
      return true
    case 7: return unsafe !name.equals("upgrade")
    case 10:
      guard unsafe name.equals("connection") else { return unsafe !name.equals("keep-alive") }
      unsafe takeOptions(value)
      return false
    case 14:
      guard unsafe name.equals("content-length") else { return true }
      guard contentLength == nil, let count = unsafe value.decimalNumber else { throw .contentLength }
      contentLength = count
      return true
    case 16: return unsafe !name.equals("proxy-connection")
    case 17:
      guard unsafe name.equals("transfer-encoding") else { return true }
      // A second field line adds to the list, and only one coding is known.
      codings = codings == .none ? unsafe Self.codings(value) : .invalid
      return false
    default: return true
    }
  }

  /// Source: RFC 9110, section 7.6.1.
  private mutating func takeOptions(_ value: Bytes) {
    var closes = self.closes
    var keepsAlive = self.keepsAlive
    unsafe value.forEachListElement { option in
      if unsafe option.equalsIgnoringCase("close") { closes = true }
      if unsafe option.equalsIgnoringCase("keep-alive") { keepsAlive = true }
    }
    (self.closes, self.keepsAlive) = (closes, keepsAlive)
  }

  private static func codings(_ value: Bytes) -> Codings {
    if unsafe value.equalsIgnoringCase("chunked") { return .chunked }
    var chunkedCount = 0
    var endsChunked = false
    var areTokens = true
    unsafe value.forEachListElement { coding in
      endsChunked = unsafe coding.equalsIgnoringCase("chunked")
      chunkedCount += endsChunked ? 1 : 0
      areTokens = unsafe areTokens && FieldSyntax.isToken(coding)
    }
    return endsChunked && chunkedCount == 1 && areTokens ? .unknown : .invalid
  }

  /// All fields were taken: what they say together.
  func apply(to head: inout HTTP1RequestHead) throws(HTTP1Refusal) {
    switch codings {
    case .none: break
    case .invalid: throw .transferCoding
    case .chunked, .unknown:
      guard head.version == .http11 else { throw .transferCoding }
      guard contentLength == nil else { throw .twoLengths }
      guard codings == .chunked else { throw .unknownTransferCoding }
      head.body = .chunked
    }
    if let contentLength, contentLength > 0 { head.body = .bytes(contentLength) }
    guard !expectsMore else { throw .expectation }
    switch head.version {
    case .http11:
      head.keepsAlive = !closes
      head.expectsContinue = expectsContinue && head.body != .none
    case .http10:
      head.keepsAlive = keepsAlive && !closes
      // A version that knows no such response: RFC 9110, section 10.1.1.
      head.expectsContinue = false
    }
  }
}

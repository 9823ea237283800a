internal import HTTP

/// Reads a whole head: fields to a `ReceivedHeaders`, everything else to an `HTTP1RequestHead`.
struct RequestHeadReader {
  let limits: HTTP1Limits
  /// The requests come encrypted.
  let isSecure: Bool

  /// - Parameters:
  ///   - bytes: The head, with the empty line at its end.
  ///   - scan: What was seen of it.
  ///   - headers: Filled, the pseudo fields first. After a refusal it holds what was read before.
  func read(_ bytes: Bytes, _ scan: HeadScan, to headers: ReceivedHeaders) throws(HTTP1Refusal) -> HTTP1RequestHead {
    guard let requestLineBytes = scan.requestLineBytes else { throw .requestLine }
    let line = unsafe bytes.part(0..<requestLineBytes)
    let request = unsafe try RequestLine(line)
    var head = HTTP1RequestHead()
    head.version = request.version
    let method = unsafe line.part(request.method)
    guard unsafe !method.equals("CONNECT") else { throw .connectMethod }
    head.isHead = unsafe method.equals("HEAD")
    let targetBytes = unsafe line.part(request.target)
    let isOptions = unsafe method.equals("OPTIONS")
    let target = unsafe try RequestTarget(targetBytes, isOptions: isOptions)
    var list = FieldList(headers, limits)
    unsafe list.append(":method", method)
    unsafe appendPath(targetBytes, target, isOptions: isOptions, to: &list)
    if let authority = unsafe try authority(bytes, scan, targetBytes, target, request.version) {
      unsafe list.append(":authority", authority)
    }
    let isSecure = target.scheme == .https || (target.scheme == .connection && isSecure)
    list.append(":scheme", isSecure ? "https" : "http")
    let framing = unsafe try readFields(bytes.part(requestLineBytes + 2..<bytes.count - 2), to: &list)
    try framing.apply(to: &head)
    guard !list.isTooLarge else { throw .headersTooLarge }
    return head
  }

  private func appendPath(_ bytes: Bytes, _ target: RequestTarget, isOptions: Bool, to list: inout FieldList) {
    guard target.lacksPath else { return unsafe list.append(":path", bytes.part(target.path)) }
    // RFC 9112, section 3.2.4: OPTIONS of the server as a whole.
    guard !(isOptions && target.path.isEmpty) else { return list.append(":path", "*") }
    let path = unsafe [UInt8(ascii: "/")] + Array(bytes.part(target.path))
    unsafe path.withUnsafeBufferPointer { unsafe list.append(":path", $0) }
  }

  /// The host that is asked; nil where a request of version 1.0 names none. Source: RFC 9112,
  /// sections 3.2 and 3.3; where Host and target name two, section 3.2.2 would have Host ignored.
  private func authority(
    _ bytes: Bytes, _ scan: HeadScan, _ targetBytes: Bytes, _ target: RequestTarget, _ version: HTTP1RequestHead.Version
  ) throws(HTTP1Refusal) -> Bytes? {
    let named = unsafe target.authority.map { unsafe targetBytes.part($0) }
    guard let hostLine = scan.hostLine else {
      guard version == .http10 else { throw .host }
      return unsafe named
    }
    let host = unsafe bytes.part(hostLine.lowerBound + 5..<hostLine.upperBound).trimmed
    guard scan.hostLineCount == 1, unsafe Authority.isValid(host) else { throw .host }
    if let named = unsafe named, unsafe !named.equalsIgnoringCase(host) { throw .host }
    return unsafe host
  }

  /// - Parameter lines: Each with its line end.
  private func readFields(_ lines: Bytes, to list: inout FieldList) throws(HTTP1Refusal) -> RequestFraming {
    var framing = RequestFraming()
    try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: lines.count + 1) {
      room throws(HTTP1Refusal) in
      guard let name = room.baseAddress else { return }
      var start = 0
      while let end = unsafe lines.place(of: UInt8.lineFeed, from: start) {
        let line = unsafe lines.part(start..<end - 1)
        start = end + 1
        let field = unsafe try FieldLine(line, lowercaseName: name)
        let value = unsafe line.part(field.value)
        let nameBytes = unsafe Bytes(start: name, count: field.nameCount)
        if unsafe try framing.take(nameBytes, value) { unsafe list.append(nameBytes, value) }
      }
    }
    return framing
  }
}

/// A header list that stops growing at its limit.
private struct FieldList {
  private let headers: ReceivedHeaders
  private let bytesMax: Int
  /// A field was left out.
  private(set) var isTooLarge = false

  init(_ headers: ReceivedHeaders, _ limits: HTTP1Limits) {
    self.headers = headers
    bytesMax = limits.headerListBytesMax
  }

  @inline(__always)
  mutating func append(_ name: Bytes, _ value: Bytes) {
    let bytes = headers.listBytes + name.count + value.count + HeaderBlock.fieldOverheadBytes
    // The refusal is readable for a page only if the answer names its origin.
    guard unsafe bytes <= bytesMax || name.equals("origin"),
      let nameStart = name.baseAddress
    else {
      isTooLarge = true
      return
    }
    unsafe headers.append(
      name: nameStart, nameCount: name.count, value: value.baseAddress ?? nameStart, valueCount: value.count)
  }

  mutating func append(_ name: StaticString, _ value: Bytes) {
    unsafe append(Bytes(start: name.utf8Start, count: name.utf8CodeUnitCount), value)
  }

  mutating func append(_ name: StaticString, _ value: StaticString) {
    unsafe append(name, Bytes(start: value.utf8Start, count: value.utf8CodeUnitCount))
  }
}

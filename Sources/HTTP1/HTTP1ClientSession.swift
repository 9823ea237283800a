public import HTTP

/// One HTTP/1.1 connection of a client: bytes in, events out; submissions in, bytes out. No I/O of
/// its own. Loop-confined.
///
/// It carries one exchange at a time. For tools and tests: responses are read strictly.
public final class HTTP1ClientSession: HTTPSessionState, HTTPClientSession {
  public var version: HTTPVersion { .http1 }
  public static var outboundFrameBytes: Int { 0 }

  private let resources: HTTPResources
  private var parser = HTTP1ResponseParser()
  private var current: HTTPExchange?
  /// The request's header fields, as long as they are not written.
  private var head: HeaderBlock?
  /// The body's length is not in the head.
  private var isChunked = false
  private var requestIsWritten = false
  /// Bytes on their way to the output.
  private var pending: [UInt8] = []
  private var pendingOffset = 0
  /// No further request is begun.
  private var isLeaving = false
  private var isAbandoned = false

  public override init(resources: HTTPResources) {
    self.resources = resources
    super.init(resources: resources)
    isEstablished = true
  }

  // MARK: Requests

  public func submitRequest(_ headers: HeaderBlock) -> HTTPExchange? {
    guard current == nil, !isLeaving, !isAbandoned else { return nil }
    let exchange = HTTPExchange(resources: resources)
    current = exchange
    head = headers
    requestIsWritten = false
    didOpen(exchange)
    return exchange
  }

  public func resume(_ exchange: HTTPExchange) {}

  public func finish(_ exchange: HTTPExchange, trailers: HeaderBlock?) { exchange.outboundEnds = true }

  public func finish(_ exchange: HTTPExchange, constantTrailers: ConstantHeaders) { exchange.outboundEnds = true }

  /// An exchange ends at once only with its connection.
  public func reset(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
    guard exchange === current else { return }
    leave()
    close(exchange, code)
  }

  public func produce(into output: HTTPOutputBuffer) throws(HTTPError) {
    repeat {
      if pendingOffset == pending.count { prepare() }
      let count = min(pending.count - pendingOffset, HTTPOutputBuffer.capacityBytes - output.count)
      guard count > 0 else { return }
      _ = unsafe pending.withUnsafeBytes { bytes in
        unsafe output.append(UnsafeRawBufferPointer(rebasing: bytes[pendingOffset..<pendingOffset + count]))
      }
      pendingOffset += count
    } while pendingOffset == pending.count
  }

  /// Puts the next part of the request into `pending`.
  private func prepare() {
    pending.removeAll(keepingCapacity: true)
    pendingOffset = 0
    guard let exchange = current, !requestIsWritten else { return }
    if let head {
      isChunked = !exchange.outboundEnds
      appendHead(head, bodyBytes: isChunked ? nil : exchange.outboundBytes)
      self.head = nil
      exchange.isSent = true
    }
    let count = exchange.outboundBytes
    if count > 0 {
      if isChunked { append(String(count, radix: 16) + "\r\n") }
      pending += exchange.outbound[exchange.outboundOffset...]
      if isChunked { append("\r\n") }
      exchange.sentBytes += count
      exchange.outbound.removeAll()
      exchange.outboundOffset = 0
    }
    if exchange.outboundEnds {
      if isChunked { append("0\r\n\r\n") }
      requestIsWritten = true
    } else if exchange.writerWaits {
      exchange.writerWaits = false
      delegate?.drained(exchange)
    }
  }

  private func appendHead(_ fields: HeaderBlock, bodyBytes: Int?) {
    var (method, path, authority) = ("", "", "")
    var lines = ""
    fields.forEach { name, value in
      switch name {
      case ":method": method = value
      case ":path": path = value
      case ":authority": authority = value
      case ":scheme", "te": break
      default: lines += "\(name): \(value)\r\n"
      }
    }
    append("\(method) \(path) HTTP/1.1\r\nhost: \(authority)\r\n\(lines)")
    append(bodyBytes.map { "content-length: \($0)\r\n\r\n" } ?? "transfer-encoding: chunked\r\n\r\n")
  }

  private func append(_ text: String) { pending += text.utf8 }

  // MARK: Responses

  public func receive(_ bytes: RawSpan) throws(HTTPError) {
    var rest = unsafe bytes.withUnsafeBytes { unsafe Array($0) }[...]
    // The end of a response is an event without bytes of its own.
    while !isAbandoned {
      guard let exchange = current else {
        // Bytes that no request asked for: the server says why it closes (RFC 9112, section 9.2).
        if !rest.isEmpty { leave() }
        return
      }
      guard let event = try parser.next(&rest, exchange.headers) else { return }
      switch event {
      case .head:
        exchange.hasHeaders = true
        delegate?.receivedHeaders(exchange)
      case .body(let part):
        exchange.receivedBytes += part.count
        if !exchange.discardsInput {
          unsafe part.withUnsafeBufferPointer { unsafe exchange.receive($0) }
          delegate?.receivedBody(exchange)
        }
      case .end(let keepsAlive): end(exchange, keepsAlive: keepsAlive)
      }
    }
  }

  private func end(_ exchange: HTTPExchange, keepsAlive: Bool) {
    guard exchange === current else { return }
    exchange.receivedEnd = true
    delegate?.receivedBody(exchange)
    // A server that answers before it has read the request closes.
    if !keepsAlive || !requestIsWritten { leave() }
    parser = HTTP1ResponseParser()
    close(exchange, .noError)
  }

  private func close(_ exchange: HTTPExchange, _ code: HTTP2ErrorCode) {
    guard exchange === current else { return }
    current = nil
    didClose(exchange, code: code)
  }

  private func leave() {
    guard !isLeaving else { return }
    isLeaving = true
    delegate?.receivedGoAway(lastStreamID: .max, code: .noError)
  }

  // MARK: The connection

  public var isFinished: Bool { isLeaving && current == nil }
  public var pausesReading: Bool { false }
  public var flood: HTTPFlood? { nil }
  public var outboundFrameCount: Int { 0 }
  public var pingIsOutstanding: Bool { false }
  public var peerHeaderListBytesMax: Int { .max }
  public func submitPing() {}
  public func countHeaderBlock() {}
  public func submitShutdownNotice() {}
  public func refuseRequests() { isLeaving = true }

  public func abandon() {
    isAbandoned = true
    isLeaving = true
    if let current { close(current, .cancel) }
    releaseConnection()
  }

  public func consumeReceived(_ exchange: HTTPExchange, first count: Int) {}
  public func receivableBytes(_ exchange: HTTPExchange) -> Int { .max }
  public func widenIfBusy(_ exchange: HTTPExchange) {}

  // MARK: What only servers do

  public func submitResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {}
  public func submitResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {}
  public func submitHeadersOnlyResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {}
  public func submitWholeResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {}
  public func submitWholeResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {}
}

public import HTTP

extension HTTP1Session {
  /// Every exchange of this session is one of HTTP/1.1.
  @inline(__always)
  private static func own(_ exchange: HTTPExchange) -> HTTP1Exchange {
    unsafe unsafeDowncast(exchange, to: HTTP1Exchange.self)
  }

  private func submit(_ exchange: HTTPExchange, _ response: HTTP1Exchange.Response, isWhole: Bool = false) {
    let exchange = Self.own(exchange)
    guard !exchange.isClosed, !exchange.hasResponse else { return }
    exchange.response = response
    if isWhole { exchange.outboundEnds = true }
  }

  public func submitResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    submit(exchange, .fields(headers))
  }

  public func submitResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {
    submit(exchange, .constant(headers))
  }

  public func submitHeadersOnlyResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    submit(exchange, .fields(headers), isWhole: true)
  }

  public func submitWholeResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    submit(exchange, .fields(headers), isWhole: true)
  }

  public func submitWholeResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {
    submit(exchange, .constant(headers), isWhole: true)
  }

  /// What was appended is written with the next `produce(into:)`.
  public func resume(_ exchange: HTTPExchange) {}

  public func finish(_ exchange: HTTPExchange, trailers: HeaderBlock?) { exchange.outboundEnds = true }

  public func finish(_ exchange: HTTPExchange, constantTrailers: ConstantHeaders) { exchange.outboundEnds = true }

  /// Ends the exchange with the next `produce(into:)`, and the connection.
  public func reset(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
    guard !exchange.isClosed else { return }
    Self.own(exchange).resetCode = code
  }

  public func consumeReceived(_ exchange: HTTPExchange, first count: Int) {
    exchange.unconsumedBytes -= min(count, exchange.unconsumedBytes)
  }

  public func receivableBytes(_ exchange: HTTPExchange) -> Int {
    exchange.isClosed ? 0 : max(0, exchange.windowBytes - exchange.unconsumedBytes)
  }

  /// There is one exchange for each connection: it may be a busy one.
  public func widenIfBusy(_ exchange: HTTPExchange) {
    guard exchange.receivedBytes >= Self.busyBytesMin, !exchange.receivedEnd else { return }
    exchange.windowBytes = max(exchange.windowBytes, Int(limits.busyStreamWindowBytes))
  }

  /// Bytes received after which an exchange is busy.
  private static let busyBytesMin = 262_144
}

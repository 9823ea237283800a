public import HTTP
internal import CNghttp2

extension HTTP2Session: HTTPClientSession {
  /// Starts a request. Client only.
  /// - Returns: nil when the connection takes no more streams (stream numbers used up, GOAWAY, a
  ///   field nghttp2 refuses).
  public func submitRequest(_ headers: HeaderBlock) -> HTTPExchange? {
    let stream = resources.takeStream(for: self)
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    let id = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_request(
        handle, nil, pairs.baseAddress, pairs.count, &provider, Unmanaged.passUnretained(stream).toOpaque())
    }
    guard id > 0 else {
      resources.give(stream)
      return nil
    }
    stream.id = id
    didOpen(stream)
    return stream
  }

  /// Sends header fields; the body is what is appended to the stream's outbound bytes.
  public func submitResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    let stream = Self.stream(exchange)
    guard !stream.isClosed else { return }
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    let code = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
    }
    if code != 0 { reset(stream, code: .internalError) }
  }

  /// Sends header fields that never change; the body is what is appended to the stream's outbound
  /// bytes.
  public func submitResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {
    let stream = Self.stream(exchange)
    guard !stream.isClosed else { return }
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    unsafe headers.withNameValues { pairs in
      _ = unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
    }
  }

  /// Sends one block of header fields that begins and ends the response.
  public func submitHeadersOnlyResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    let stream = Self.stream(exchange)
    guard !stream.isClosed else { return }
    stream.outboundEnds = true
    let code = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, nil)
    }
    if code != 0 { reset(stream, code: .internalError) }
  }

  /// Sends a response whose body is all there.
  public func submitWholeResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock) {
    exchange.outboundEnds = true
    submitResponse(exchange, headers)
  }

  /// Sends header fields that never change, and a body that is all there.
  public func submitWholeResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders) {
    exchange.outboundEnds = true
    submitResponse(exchange, constant: headers)
  }

  /// Ends what this side sends, with trailer fields or without.
  public func finish(_ exchange: HTTPExchange, trailers: HeaderBlock?) {
    let stream = Self.stream(exchange)
    stream.outboundTrailers = trailers.map { .fields($0) }
    stream.outboundEnds = true
    resume(stream)
  }

  /// Ends what this side sends with trailer fields that never change.
  public func finish(_ exchange: HTTPExchange, constantTrailers: ConstantHeaders) {
    let stream = Self.stream(exchange)
    stream.outboundTrailers = .constant(constantTrailers)
    stream.outboundEnds = true
    resume(stream)
  }

  /// Every exchange of this session is a stream.
  @inline(__always)
  static func stream(_ exchange: HTTPExchange) -> HTTP2Stream {
    unsafe unsafeDowncast(exchange, to: HTTP2Stream.self)
  }

  /// Ends the stream at once in both directions.
  public func reset(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
    let stream = Self.stream(exchange)
    guard !stream.isClosed else { return }
    unsafe nghttp2_submit_rst_stream(handle, 0, stream.id, code.rawValue)
  }

  /// Gives the peer back the window of the first `count` bytes not given back yet.
  public func consumeReceived(_ exchange: HTTPExchange, first count: Int) {
    let stream = Self.stream(exchange)
    let count = min(count, stream.unconsumedBytes)
    guard count > 0 else { return }
    stream.unconsumedBytes -= count
    guard !stream.isClosed, !stream.receivedEnd else { return }
    unsafe nghttp2_session_consume_stream(handle, stream.id, count)
  }

  /// Lets the peer send more at once on a stream that has proved to be busy, while there are not
  /// too many of them.
  public func widenIfBusy(_ exchange: HTTPExchange) {
    let stream = Self.stream(exchange)
    let limits = limits
    guard stream.receivedBytes >= Self.busyBytesMin, stream.windowBytes < limits.busyStreamWindowBytes,
      busyStreamCount < limits.busyStreamsMax, !stream.isClosed, !stream.receivedEnd
    else { return }
    busyStreamCount += 1
    stream.windowBytes = Int(limits.busyStreamWindowBytes)
    unsafe nghttp2_session_set_local_window_size(handle, 0, stream.id, limits.busyStreamWindowBytes)
  }

  /// Bytes received after which a stream is busy.
  static let busyBytesMin = 262_144

  /// Bytes that the peer may send on the stream without being given back more of its window.
  public func receivableBytes(_ exchange: HTTPExchange) -> Int {
    let stream = Self.stream(exchange)
    return stream.isClosed ? 0 : unsafe Int(nghttp2_session_get_stream_local_window_size(handle, stream.id))
  }

  /// Frames waiting to be sent: a peer that makes us answer without reading the answers drives it
  /// up.
  public var outboundFrameCount: Int { unsafe nghttp2_session_get_outbound_queue_size(handle) }

  /// More was appended to the stream's outbound bytes.
  public func resume(_ exchange: HTTPExchange) {
    let stream = Self.stream(exchange)
    guard stream.isDeferred, !stream.isClosed else { return }
    stream.isDeferred = false
    unsafe nghttp2_session_resume_data(handle, stream.id)
  }

  static func dataProvider(for stream: HTTP2Stream) -> nghttp2_data_provider {
    unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: Unmanaged.passUnretained(stream).toOpaque()),
      read_callback: HTTP2Callbacks.readOutbound)
  }
}

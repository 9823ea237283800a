internal import CNghttp2

extension HTTP2Session {
  /// Starts a request. Client only.
  /// - Returns: nil when the connection takes no more streams (stream numbers used up, GOAWAY, a
  ///   field nghttp2 refuses).
  public func submitRequest(_ headers: HeaderBlock) -> HTTP2Stream? {
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

  /// Sends the ordinary gRPC response headers: status 200, `application/grpc`, and `metadata`; then
  /// what is appended to the stream's outbound bytes.
  public func submitGRPCResponse(_ stream: HTTP2Stream, metadata: HeaderBlock? = nil) {
    guard !stream.isClosed else { return }
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    guard let metadata else {
      unsafe nghttp2_submit_response(
        handle, stream.id, StaticFields.grpcResponse.baseAddress, StaticFields.grpcResponse.count, &provider)
      return
    }
    var headers = HeaderBlock()
    headers.append(name: ":status", value: "200")
    headers.append(name: "content-type", value: "application/grpc")
    headers.append(metadata)
    _ = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
    }
  }

  /// Sends one block of header fields that begins and ends the response (gRPC's Trailers-Only, or a
  /// bare HTTP status).
  public func submitHeadersOnlyResponse(_ stream: HTTP2Stream, _ headers: HeaderBlock) {
    guard !stream.isClosed else { return }
    stream.outboundEnds = true
    let code = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, nil)
    }
    if code != 0 { reset(stream, code: .internalError) }
  }

  /// Sends a response that is all there.
  public func submitResponse(_ stream: HTTP2Stream, _ headers: HeaderBlock, body: [UInt8]) {
    guard !stream.isClosed else { return }
    stream.outbound = body
    stream.outboundEnds = true
    var provider = unsafe HTTP2Session.dataProvider(for: stream)
    let code = unsafe headers.withNameValues { pairs in
      unsafe nghttp2_submit_response(handle, stream.id, pairs.baseAddress, pairs.count, &provider)
    }
    if code != 0 { reset(stream, code: .internalError) }
  }

  /// Appends to what the stream sends.
  public func append(to stream: HTTP2Stream, _ body: (inout [UInt8]) -> Void) {
    body(&stream.outbound)
    resume(stream)
  }

  /// Whether the writer should wait for `drained(_:)` before appending more; asking sets up that
  /// call.
  public func needsDrain(_ stream: HTTP2Stream) -> Bool {
    guard stream.outboundBytes >= limits.outboundBytesMax, !stream.isClosed else { return false }
    stream.writerWaits = true
    return true
  }

  /// Ends the response with `grpc-status: 0`.
  public func finishGRPCOK(_ stream: HTTP2Stream) {
    stream.outboundTrailers = .grpcOK
    stream.outboundEnds = true
    resume(stream)
  }

  /// Ends what we send, with trailer fields or without.
  public func finish(_ stream: HTTP2Stream, trailers: HeaderBlock?) {
    stream.outboundTrailers = trailers.map { .fields($0) }
    stream.outboundEnds = true
    resume(stream)
  }

  /// Ends the stream at once in both directions.
  public func reset(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    guard !stream.isClosed else { return }
    unsafe nghttp2_submit_rst_stream(handle, 0, stream.id, code.rawValue)
  }

  /// Gives the peer back the window of the first `count` bytes not given back yet, by default of
  /// all received so far.
  public func consumeReceived(_ stream: HTTP2Stream, first count: Int = .max) {
    let count = min(count, stream.unconsumedBytes)
    guard count > 0 else { return }
    stream.unconsumedBytes -= count
    guard !stream.isClosed, !stream.receivedEnd else { return }
    unsafe nghttp2_session_consume_stream(handle, stream.id, count)
  }

  /// Gives the peer back the window of what was received, but for the bytes that the stream's owner
  /// has not used yet.
  public func consumeUsed(_ stream: HTTP2Stream) {
    consumeReceived(stream, first: stream.unconsumedBytes - stream.bodyBytes)
  }

  /// Lets the peer send more at once on a stream that has proved to be busy, while there are not
  /// too many of them.
  public func widenIfBusy(_ stream: HTTP2Stream) {
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
  public func receivableBytes(_ stream: HTTP2Stream) -> Int {
    stream.isClosed ? 0 : unsafe Int(nghttp2_session_get_stream_local_window_size(handle, stream.id))
  }

  /// Frames waiting to be sent: a peer that makes us answer without reading the answers drives it
  /// up.
  public var outboundFrameCount: Int { unsafe nghttp2_session_get_outbound_queue_size(handle) }

  private func resume(_ stream: HTTP2Stream) {
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

/// Header fields that never change, in C's form, so that answering a call builds and copies
/// nothing.
enum StaticFields {
  /// `:status: 200`, `content-type: application/grpc`.
  nonisolated(unsafe) static let grpcResponse = unsafe make([(":status", "200"), ("content-type", "application/grpc")])
  // Safe from any thread: its memory is written once, before the first use, and never freed.
  /// `grpc-status: 0`.
  nonisolated(unsafe) static let grpcOK = unsafe make([("grpc-status", "0")])
  // Safe from any thread: as above.

  private static func make(_ fields: [(StaticString, StaticString)]) -> UnsafeBufferPointer<nghttp2_nv> {
    let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
    let pairs = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: fields.count)
    for (index, (name, value)) in fields.enumerated() {
      unsafe pairs.initializeElement(
        at: index,
        to: nghttp2_nv(
          name: UnsafeMutablePointer(mutating: name.utf8Start), value: UnsafeMutablePointer(mutating: value.utf8Start),
          namelen: name.utf8CodeUnitCount, valuelen: value.utf8CodeUnitCount, flags: flags))
    }
    return UnsafeBufferPointer(pairs)
  }
}

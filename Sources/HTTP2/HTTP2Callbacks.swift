internal import HTTP
internal import CNghttp2
internal import Glibc

/// nghttp2's callbacks: the one way from C into a session.
///
/// `user_data` is an unretained `HTTP2Session` (it owns the C session); a stream's user data is an
/// unretained `HTTP2Stream` that the session keeps among its open streams until `on_stream_close`.
@safe final class HTTP2Callbacks: Sendable {
  static let shared = HTTP2Callbacks()

  nonisolated(unsafe) private let callbacks: OpaquePointer?
  // Safe from any thread: what it points to does not change after `init`, and nghttp2 copies it
  // into each session.
  nonisolated(unsafe) private let options: OpaquePointer?
  // Safe from any thread: what it points to does not change after `init`, and nghttp2 only reads it
  // when a session is made.
  nonisolated(unsafe) private let serverOptions: OpaquePointer?
  // Safe from any thread: as above.

  /// CONTINUATION frames in a row after which nghttp2 ends the connection. Less than
  /// `HTTPLimits.idleFrames`, which counts them as well, and more than the smallest clients need
  /// for a header list of `HTTPLimits.headerListBytesMax`.
  static let continuationsMax = 1_024

  private init() {
    var callbacks: OpaquePointer?
    unsafe nghttp2_session_callbacks_new(&callbacks)
    unsafe self.callbacks = callbacks
    unsafe options = Self.makeOptions()
    unsafe serverOptions = Self.makeOptions()
    // `RequestCheck` does it.
    unsafe nghttp2_option_set_no_http_messaging(serverOptions, 1)
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Self.beginFrame)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Self.beginHeaders)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, Self.header)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Self.dataChunk)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Self.frameReceived)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Self.frameSent)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Self.streamClosed)
  }

  private static func makeOptions() -> OpaquePointer? {
    var options: OpaquePointer?
    unsafe nghttp2_option_new(&options)
    // The receiver decides when bytes count as taken.
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    // Closed streams are of no use without RFC 7540 priorities, and cost up to 25 KiB a connection:
    // `ClosedStreamGuard` remembers what matters.
    unsafe nghttp2_option_set_no_closed_streams(options, 1)
    unsafe nghttp2_option_set_max_continuations(options, continuationsMax)
    // White space around values is trimmed instead.
    unsafe nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
    return unsafe options
  }

  func makeSession(_ role: HTTP2Session.Role, in memory: SessionMemory, _ handle: inout OpaquePointer?) -> Int32 {
    unsafe memory.withFunctions { functions in
      switch role {
      case .server: unsafe nghttp2_session_server_new3(&handle, callbacks, nil, serverOptions, functions)
      case .client: unsafe nghttp2_session_client_new3(&handle, callbacks, nil, options, functions)
      }
    }
  }

  @inline(__always)
  private static func session(_ userData: UnsafeMutableRawPointer?) -> HTTP2Session {
    guard let userData = unsafe userData else { preconditionFailure("nghttp2 callback without user_data") }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(userData).takeUnretainedValue()
  }

  /// Lends the session of a callback, which its owner keeps during the call: nothing is counted.
  @inline(__always)
  private static func withSession<Result>(
    _ userData: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result
  ) -> Result {
    guard let userData = unsafe userData else { preconditionFailure("nghttp2 callback without user_data") }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(userData)._withUnsafeGuaranteedRef { body($0) }
  }

  /// The stream with number `id`; nil for streams that nghttp2 does not report any more, or not
  /// yet.
  @inline(__always)
  private static func stream(_ handle: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
    guard let data = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return nil }
    return unsafe Unmanaged<HTTP2Stream>.fromOpaque(data).takeUnretainedValue()
  }

  /// Every frame of the peer begins here, but for those of unknown types, which nghttp2 skips
  /// unseen: they cost next to nothing.
  private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, userData in
    guard let header = unsafe header?.pointee, let userData = unsafe userData else { return 0 }
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue: return 0
    case NGHTTP2_DATA.rawValue:
      unsafe Unmanaged<HTTP2Session>.fromOpaque(userData)._withUnsafeGuaranteedRef { $0.headerBlockIsOpen = false }
      if header.length > 0 || header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { return 0 }
    default: break
    }
    return unsafe Unmanaged<HTTP2Session>.fromOpaque(userData)._withUnsafeGuaranteedRef { session in
      if UInt32(header.type) != NGHTTP2_CONTINUATION.rawValue { session.headerBlockIsOpen = false }
      guard session.role == .server,
        !session.idleFrames.take(session.resources.limits.idleFrames, session.resources.now)
      else { return 0 }
      session.stop(because: .frames)
      return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    }
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { handle, frame, userData in
    guard let frame = unsafe frame?.pointee else { return 0 }
    let session = unsafe HTTP2Callbacks.session(userData)
    session.headerBlockIsOpen = true
    guard unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    guard session.openExchangeCount < Int(session.limits.concurrentStreamsMax) else {
      // Source: RFC 9113, section 5.1.2. nghttp2 would end the connection, which is why it knows of
      // no limit.
      unsafe nghttp2_submit_rst_stream(handle, 0, frame.hd.stream_id, HTTP2ErrorCode.refusedStream.rawValue)
      let code = countReset(session)
      return code == 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue : code
    }
    let stream = session.resources.takeStream(for: session)
    unsafe stream.id = frame.hd.stream_id
    session.didOpen(stream)
    return unsafe nghttp2_session_set_stream_user_data(
      handle, stream.id, Unmanaged.passUnretained(stream).toOpaque())
  }

  private static let header: nghttp2_on_header_callback = {
    handle, frame, name, nameCount, value, valueCount, _, userData in
    guard let frame = unsafe frame, let name = unsafe name, let value = unsafe value,
      let data = unsafe nghttp2_session_get_stream_user_data(handle, frame.pointee.hd.stream_id)
    else { return 0 }
    return unsafe Unmanaged<HTTP2Stream>.fromOpaque(data)._withUnsafeGuaranteedRef { stream in
      let listBytes = stream.hasHeaders ? stream.trailers.listBytes : stream.headers.listBytes
      let size = nameCount + valueCount + HeaderBlock.fieldOverheadBytes
      guard listBytes + size <= stream.headerListBytesMax else {
        let session = unsafe HTTP2Callbacks.session(userData)
        stream.refusedListBytes += size
        // A field of the table named again and again: a few bytes on the wire that cost us
        // megabytes (CVE-2016-6581).
        guard stream.refusedListBytes <= session.resources.limits.refusedHeaderListBytesMax else {
          session.stop(because: .resets)
          return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        guard !stream.headersTooLarge else { return 0 }
        stream.headersTooLarge = true
        return countReset(session)
      }
      let value = unsafe UnsafeBufferPointer(start: value, count: valueCount).trimmed
      if stream.role == .server {
        let name = unsafe UnsafeBufferPointer(start: name, count: nameCount)
        let isAllowed =
          unsafe stream.hasHeaders ? stream.check.takeTrailer(name, value) : stream.check.take(name, value)
        guard isAllowed else {
          unsafe refuse(stream, handle)
          return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
      }
      let bytes = unsafe value.baseAddress ?? name
      // Each list by its own name: a choice of one would count references.
      if stream.hasHeaders {
        unsafe stream.trailers.append(name: name, nameCount: nameCount, value: bytes, valueCount: value.count)
      } else {
        unsafe stream.headers.append(name: name, nameCount: nameCount, value: bytes, valueCount: value.count)
      }
      return 0
    }
  }

  /// The request is malformed. Source: RFC 9113, section 8.1.1.
  private static func refuse(_ stream: HTTP2Stream, _ handle: OpaquePointer?) {
    stream.discardsInput = true
    unsafe nghttp2_submit_rst_stream(handle, 0, stream.id, HTTP2ErrorCode.protocolError.rawValue)
  }

  private static func refuseWhole(_ stream: HTTP2Stream, _ handle: OpaquePointer?) -> Int32 {
    // Said once, and not of a stream whose answer is decided.
    if !stream.discardsInput { unsafe refuse(stream, handle) }
    return 0
  }

  /// Whether a request is well-formed now that a frame of it is complete.
  private static func isWellFormed(_ stream: HTTP2Stream, isTrailers: Bool) -> Bool {
    guard stream.role == .server else { return true }
    if isTrailers && !stream.receivedEnd { return false }
    guard stream.hasHeaders || stream.check.isWhole || stream.headersTooLarge else { return false }
    return stream.check.allows(bodyBytes: stream.receivedBytes, isWhole: stream.receivedEnd)
  }

  private static let dataChunk: nghttp2_on_data_chunk_recv_callback = { handle, _, id, bytes, count, userData in
    // The connection's window is always given back at once: one slow stream must not hold up the
    // others. What a stream may leave untaken is bounded by its own window.
    unsafe nghttp2_session_consume_connection(handle, count)
    guard let data = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return 0 }
    unsafe Unmanaged<HTTP2Stream>.fromOpaque(data)._withUnsafeGuaranteedRef { stream in
      stream.receivedBytes += count
      if stream.discardsInput {
        unsafe nghttp2_session_consume_stream(handle, id, count)
      } else {
        stream.unconsumedBytes += count
        unsafe stream.receive(UnsafeBufferPointer(start: bytes, count: count))
        if stream.role == .server { unsafe withSession(userData) { $0.countReceived(stream) } }
      }
    }
    return 0
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { handle, frame, userData in
    guard let frame = unsafe frame else { return 0 }
    let header = unsafe frame.pointee.hd
    return unsafe withSession(userData) { session in
      switch UInt32(header.type) {
      case NGHTTP2_HEADERS.rawValue:
        session.headerBlockIsOpen = false
        guard let stream = unsafe HTTP2Callbacks.stream(handle, header.stream_id) else { return 0 }
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { stream.receivedEnd = true }
        guard isWellFormed(stream, isTrailers: stream.hasHeaders) else { return unsafe refuseWhole(stream, handle) }
        if stream.role == .server { session.countReceived(stream) }
        if stream.hasHeaders {
          session.delegate?.receivedBody(stream)
        } else if stream.role == .client, !stream.receivedEnd, stream.headers.isInformational {
          stream.headers.removeAll()
        } else {
          stream.hasHeaders = true
          session.delegate?.receivedHeaders(stream)
        }
      case NGHTTP2_DATA.rawValue:
        guard let stream = unsafe HTTP2Callbacks.stream(handle, header.stream_id) else { return 0 }
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 { stream.receivedEnd = true }
        guard isWellFormed(stream, isTrailers: false) else { return unsafe refuseWhole(stream, handle) }
        if !stream.discardsInput { session.delegate?.receivedBody(stream) }
      case NGHTTP2_GOAWAY.rawValue:
        let goAway = unsafe frame.pointee.goaway
        unsafe session.delegate?.receivedGoAway(
          lastStreamID: goAway.last_stream_id, code: HTTP2ErrorCode(rawValue: goAway.error_code))
      case NGHTTP2_SETTINGS.rawValue:
        guard !session.isEstablished else { return 0 }
        session.isEstablished = true
        session.delegate?.established()
      case NGHTTP2_PING.rawValue:
        if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
          session.pingIsOutstanding = false
        } else if session.role == .server {
          session.receivedPing()
          if session.flood != nil { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        }
      case NGHTTP2_RST_STREAM.rawValue:
        session.forgivePings()
        return countReset(session)
      default: break
      }
      return 0
    }
  }

  private static func countReset(_ session: HTTP2Session) -> Int32 {
    guard session.role == .server, !session.resets.take(session.resources.limits.resets, session.resources.now) else {
      return 0
    }
    session.stop(because: .resets)
    return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }

  /// A server that has answered in full before the request ended asks the peer to stop sending.
  /// Source: RFC 9113, section 8.1.
  private static let frameSent: nghttp2_on_frame_send_callback = { handle, frame, userData in
    guard let frame = unsafe frame else { return 0 }
    let header = unsafe frame.pointee.hd
    return unsafe withSession(userData) { session in
      switch UInt32(header.type) {
      case NGHTTP2_DATA.rawValue:
        session.idleFrames.give(2, session.resources.limits.idleFrames)
        session.pingStrikes = 0
        guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return 0 }
      case NGHTTP2_HEADERS.rawValue: session.pingStrikes = 0
      case NGHTTP2_WINDOW_UPDATE.rawValue:
        session.pingStrikes = 0
        return 0
      case NGHTTP2_RST_STREAM.rawValue:
        // One that the peer's own frames brought about.
        let code = unsafe HTTP2ErrorCode(rawValue: frame.pointee.rst_stream.error_code)
        let isOurs = code == .noError || code == .cancel || code == .refusedStream || code == .enhanceYourCalm
        return isOurs ? 0 : countReset(session)
      default: return 0
      }
      guard let data = unsafe nghttp2_session_get_stream_user_data(handle, header.stream_id) else { return 0 }
      return unsafe Unmanaged<HTTP2Stream>.fromOpaque(data)._withUnsafeGuaranteedRef { stream in
        stream.isSent = true
        if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0, !stream.receivedEnd, stream.role == .server {
          unsafe nghttp2_submit_rst_stream(handle, 0, stream.id, NGHTTP2_NO_ERROR.rawValue)
        }
        return 0
      }
    }
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { handle, id, code, userData in
    guard let stream = unsafe HTTP2Callbacks.stream(handle, id) else { return 0 }
    unsafe nghttp2_session_set_stream_user_data(handle, id, nil)
    unsafe withSession(userData) { $0.didClose(stream, code: HTTP2ErrorCode(rawValue: code)) }
    return 0
  }

  /// Gives nghttp2 the next outbound bytes of a stream.
  static let readOutbound: nghttp2_data_source_read_callback = {
    handle, id, buffer, capacity, flags, source, userData in
    guard let buffer = unsafe buffer, let flags = unsafe flags, let data = unsafe source?.pointee.ptr else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    let stream = unsafe Unmanaged<HTTP2Stream>.fromOpaque(data).takeUnretainedValue()
    let count = min(stream.outboundBytes, capacity)
    if count > 0 {
      unsafe stream.outbound.withUnsafeBytes { bytes in
        let next = unsafe UnsafeRawBufferPointer(rebasing: bytes[stream.outboundOffset..<stream.outboundOffset + count])
        unsafe UnsafeMutableRawBufferPointer(start: buffer, count: count).copyMemory(from: next)
      }
      stream.outboundOffset += count
      stream.sentBytes += count
    }
    let remaining = stream.outboundBytes
    if remaining == 0 {
      stream.outbound.removeAll(keepingCapacity: stream.outbound.capacity <= stream.outboundBytesMax)
      stream.outboundOffset = 0
      if stream.held.sendingBytes > 0 { unsafe HTTP2Callbacks.session(userData).countSending(stream) }
      if stream.outboundEnds {
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        switch stream.outboundTrailers {
        case nil: break
        case .constant(let fields):
          unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
          unsafe fields.withNameValues { _ = unsafe nghttp2_submit_trailer(handle, id, $0.baseAddress, $0.count) }
        case .fields(let fields):
          unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
          _ = unsafe fields.withNameValues { unsafe nghttp2_submit_trailer(handle, id, $0.baseAddress, $0.count) }
        }
        return count
      }
    }
    if stream.writerWaits, remaining <= stream.outboundBytesMax / 2 {
      stream.writerWaits = false
      unsafe HTTP2Callbacks.session(userData).delegate?.drained(stream)
    }
    guard count > 0 else {
      stream.isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    return count
  }
}

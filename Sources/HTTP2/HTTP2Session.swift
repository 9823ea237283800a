internal import CNghttp2
public import HTTP

/// One HTTP/2 connection's protocol state: bytes in, events out; submissions in, bytes out. No I/O
/// of its own. Loop-confined.
@safe public final class HTTP2Session: HTTPSessionState, HTTPSession {
  public enum Role: Sendable { case server, client }

  public var version: HTTPVersion { .http2 }
  /// What a frame that waits to be sent costs: nghttp2's item, and what it refers to where that is
  /// little.
  public static let outboundFrameBytes = 256
  let resources: HTTP2Resources
  let role: Role
  /// What the peer did too much of, once it has; the connection is to be closed.
  public internal(set) var flood: HTTPFlood?
  /// We have sent a ping that the peer has not answered.
  public internal(set) var pingIsOutstanding = false
  var idleFrames: TokenBucket
  var resets: TokenBucket
  private var closedStreams = ClosedStreamGuard()
  var pingStrikes = 0
  var pingedAtMilliseconds: UInt64?
  let handle: OpaquePointer  // nghttp2_session *
  let memory: SessionMemory
  /// Our SETTINGS are on their way: they are the first that nghttp2 hands out.
  private var hasSentSettings = false
  /// Bytes that nghttp2 handed out and the output buffer had no room for; valid until the next
  /// `mem_send`.
  private var unsentChunk: UnsafeRawBufferPointer?
  /// A header block has begun and not ended.
  var headerBlockIsOpen = false
  /// Open streams with the window of a busy one.
  var busyStreamCount = 0

  /// Starts a session and queues its SETTINGS.
  public init(role: Role, resources: HTTP2Resources) throws(HTTPError) {
    self.role = role
    self.resources = resources
    let limits = resources.limits
    let now = resources.now()
    idleFrames = TokenBucket(limits.idleFrames, atMilliseconds: now)
    resets = TokenBucket(limits.resets, atMilliseconds: now)
    var handle: OpaquePointer?
    let memory = SessionMemory()
    let code = unsafe HTTP2Callbacks.shared.makeSession(role, in: memory, &handle)
    guard code == 0, let handle = unsafe handle else {
      memory.deallocate()
      throw .outOfMemory
    }
    self.memory = memory
    unsafe self.handle = handle
    super.init(resources: resources)
    unsafe nghttp2_session_set_user_data(handle, Unmanaged.passUnretained(self).toOpaque())
    var settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: limits.streamWindowBytes),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.headerListBytesMax)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE.rawValue), value: limits.headerTableBytes),
      // RFC 9218: the priority signals of RFC 7540 are not used.
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
    ]
    switch role {
    case .server:
      // What it tells the peer is put in its place by `produce(into:)`: nghttp2 itself is to know
      // of no limit.
      settings.append(
        nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: .max))
    case .client:
      settings.append(nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
    }
    guard unsafe nghttp2_submit_settings(handle, 0, settings, settings.count) == 0,
      unsafe nghttp2_session_set_local_window_size(handle, 0, 0, limits.connectionWindowBytes) == 0
    else { throw .outOfMemory }
  }

  deinit {
    unsafe nghttp2_session_del(handle)
    memory.deallocate()
  }

  /// Feeds bytes from the peer; events follow before it returns.
  public func receive(_ bytes: RawSpan) throws(HTTPError) {
    var fed = 0
    if role == .server {
      var offset = 0
      while let (fault, start) = closedStreams.next(in: bytes, from: &offset) {
        // What came before decides what the stream is by now.
        try feed(bytes.extracting(fed..<start))
        fed = start
        answer(fault)
      }
    }
    try feed(fed == 0 ? bytes : bytes.extracting(fed...))
  }

  public func receivedEnd() {
    var unfinished: [HTTPExchange] = []
    forEachExchange { if !$0.receivedEnd { unfinished.append($0) } }
    for exchange in unfinished { reset(exchange, code: .cancel) }
    // A peer that is gone answers the GOAWAY with a reset of the connection.
    refuseRequests()
  }

  /// Tells the peer of a frame that nghttp2 will pass over.
  private func answer(_ fault: ClosedStreamGuard.Fault) {
    switch fault {
    case .afterEnd(let stream):
      // As long as our side is open nghttp2 sees to it.
      guard unsafe nghttp2_session_get_stream_user_data(handle, stream) == nil else { return }
      unsafe nghttp2_session_terminate_session(handle, NGHTTP2_STREAM_CLOSED.rawValue)
    case .afterReset(let stream):
      unsafe nghttp2_submit_rst_stream(handle, 0, stream, NGHTTP2_STREAM_CLOSED.rawValue)
    case .numberPassed, .priorityOfConnection:
      unsafe nghttp2_session_terminate_session(handle, NGHTTP2_PROTOCOL_ERROR.rawValue)
    }
  }

  private func feed(_ bytes: RawSpan) throws(HTTPError) {
    guard bytes.byteCount > 0 else { return }
    let taken = unsafe bytes.withUnsafeBytes { bytes in
      unsafe nghttp2_session_mem_recv(handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    if taken < 0 { throw Self.error(taken) }
  }

  /// Appends what there is to send to `output`, until it is full.
  public func produce(into output: HTTPOutputBuffer) throws(HTTPError) {
    if let chunk = unsafe unsentChunk {
      guard unsafe output.append(chunk) else { return }
      unsafe unsentChunk = nil
    }
    while true {
      var data: UnsafePointer<UInt8>?
      let count = unsafe nghttp2_session_mem_send(handle, &data)
      guard count > 0 else {
        if count < 0 { throw Self.error(count) }
        return
      }
      let chunk = unsafe UnsafeRawBufferPointer(start: data, count: count)
      guard unsafe output.append(chunk) else {
        unsafe unsentChunk = chunk
        return
      }
      if !hasSentSettings { announceStreams(in: output) }
    }
  }

  /// The SETTINGS, which come first, end with the number of streams that the peer may open.
  private func announceStreams(in output: HTTPOutputBuffer) {
    hasSentSettings = true
    if role == .server { output.replaceLast(with: limits.concurrentStreamsMax) }
  }

  func didClose(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    if stream.windowBytes > Int(limits.streamWindowBytes) { busyStreamCount -= 1 }
    super.didClose(stream, code: code)
    resources.give(stream)
  }

  /// Notes whether a header block has begun and not ended. Until then nghttp2 holds its current
  /// field and calls no callback for it.
  public func countHeaderBlock() { countHeaderList(headerBlockIsOpen ? Self.headerBlockBytes : 0) }

  /// What an open header block counts for: nghttp2's largest name and value.
  static let headerBlockBytes = 131_072

  /// Asks the peer for a sign of life.
  public func submitPing() {
    guard !pingIsOutstanding else { return }
    pingIsOutstanding = true
    unsafe nghttp2_submit_ping(handle, 0, nil)
  }

  /// Notes what the peer did too much of, and queues the GOAWAY that tells it.
  func stop(because flood: HTTPFlood) {
    guard self.flood == nil else { return }
    self.flood = flood
    let reason = Array(flood.rawValue.utf8)
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    unsafe nghttp2_submit_goaway(
      handle, 0, last, HTTP2ErrorCode.enhanceYourCalm.rawValue, reason, reason.count)
  }

  /// The peer gave up a stream: some clients send a ping with it, to see whether we are still
  /// there.
  func forgivePings() {
    pingStrikes = 0
    pingedAtMilliseconds = nil
  }

  /// The peer pinged us: too often is a strike, unless we were sending HEADERS, DATA or
  /// WINDOW_UPDATE meanwhile.
  func receivedPing() {
    let now = resources.now()
    let isEarly = pingedAtMilliseconds.map { now &- $0 < limits.pingIntervalMillisecondsMin } ?? false
    pingedAtMilliseconds = now
    guard isEarly else { return }
    pingStrikes += 1
    if pingStrikes > limits.pingStrikesMax { stop(because: .pings) }
  }

  /// Bytes of the largest header list that the peer wants to be sent, as far as it has said so.
  public var peerHeaderListBytesMax: Int {
    unsafe Int(nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  /// The connection is gone: every open stream ends. Nothing may be received, submitted or produced
  /// after this.
  public func abandon() {
    while let stream = lastExchange as? HTTP2Stream {
      unsafe nghttp2_session_set_stream_user_data(handle, stream.id, nil)
      didClose(stream, code: .cancel)
    }
    headerBlockIsOpen = false
    releaseConnection()
  }

  /// Neither side has anything left to say: the connection can be closed.
  public var isFinished: Bool {
    unsafe unsentChunk == nil && nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
  }

  /// A stream's window holds its peer back, and the connection's is given back at once: the socket
  /// is always read.
  public var pausesReading: Bool { false }

  /// Announces that no streams will be accepted soon, without refusing those on their way.
  /// Source: RFC 9113, section 6.8.
  public func submitShutdownNotice() {
    unsafe nghttp2_submit_shutdown_notice(handle)
  }

  /// Refuses streams the peer opens from now on; those open go on.
  public func refuseRequests() {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    unsafe nghttp2_submit_goaway(handle, 0, last, HTTP2ErrorCode.noError.rawValue, nil, 0)
  }

  static func error(_ code: Int) -> HTTPError {
    if code == Int(NGHTTP2_ERR_NOMEM.rawValue) { return .outOfMemory }
    return .fatal(reason: unsafe String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: code))))
  }
}

internal import CNghttp2

/// What happens on a session. Called from within `receive(_:)` and `produce(into:)`, on the loop's
/// thread.
public protocol HTTP2SessionDelegate: AnyObject {
  /// The peer's first SETTINGS have come: it speaks HTTP/2.
  func established()
  /// All header fields of a request (on a server) or response (on a client) are in
  /// `stream.headers`.
  func receivedHeaders(_ stream: HTTP2Stream)
  /// More bytes are in `stream.body`, or its end was reached (`stream.receivedEnd`), or its
  /// trailers have come.
  func receivedBody(_ stream: HTTP2Stream)
  /// The stream is over: `code` is `noError` after an orderly end.
  func closed(_ stream: HTTP2Stream, code: HTTP2ErrorCode)
  /// After `needsDrain`: the outbound bytes fell to half the limit.
  func drained(_ stream: HTTP2Stream)
  /// The peer asked us to open no more streams than `lastStreamID`.
  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode)
}

extension HTTP2SessionDelegate {
  public func established() {}
}

/// One HTTP/2 connection's protocol state: bytes in, events out; submissions in, bytes out. No I/O
/// of its own. Loop-confined.
@safe public final class HTTP2Session {
  public enum Role: Sendable { case server, client }

  let resources: HTTP2Resources
  let role: Role
  /// What the peer did too much of, once it has; the connection is to be closed.
  public internal(set) var flood: HTTP2Flood?
  /// The peer's SETTINGS have come: it speaks HTTP/2.
  public internal(set) var isEstablished = false
  /// When a stream was opened last, on the session's clock; 0: never.
  public private(set) var streamOpenedAtMilliseconds: UInt64 = 0
  /// We have sent a ping that the peer has not answered.
  public internal(set) var pingIsOutstanding = false
  var idleFrames: FrameBudget
  var resets: FrameBudget
  private var watch = FrameWatch()
  var pingStrikes = 0
  var pingedAtMilliseconds: UInt64?
  var limits: HTTP2Limits { resources.limits }
  /// Told of everything. Kept until `abandon()`.
  public var delegate: (any HTTP2SessionDelegate)?
  let handle: OpaquePointer  // nghttp2_session *
  let memory: SessionMemory
  /// Our SETTINGS are on their way: they are the first that nghttp2 hands out.
  private var hasSentSettings = false
  /// Bytes that nghttp2 handed out and the output buffer had no room for; valid until the next
  /// `mem_send`.
  private var unsentChunk: UnsafeRawBufferPointer?
  /// Streams nghttp2 has not closed; each knows its place in here.
  private var openStreams: [HTTP2Stream] = []
  /// What the connection holds for its peer.
  public internal(set) var use = BufferUse()
  /// A header block has begun and not ended.
  var headerBlockIsOpen = false
  /// What that counts for in `use`.
  var headerBlockHeldBytes = 0
  /// What the connection's unsent bytes count for in `use`.
  var unsentHeldBytes = 0
  /// Open streams with the window of a busy one.
  var busyStreamCount = 0

  /// Starts a session and queues its SETTINGS.
  public init(role: Role, resources: HTTP2Resources) throws(HTTP2Error) {
    self.role = role
    self.resources = resources
    let limits = resources.limits
    let now = resources.now()
    idleFrames = FrameBudget(limits.idleFrames, atMilliseconds: now)
    resets = FrameBudget(limits.resets, atMilliseconds: now)
    var handle: OpaquePointer?
    let memory = SessionMemory()
    let code = unsafe HTTP2Callbacks.shared.makeSession(role, in: memory, &handle)
    guard code == 0, let handle = unsafe handle else {
      memory.deallocate()
      throw .outOfMemory
    }
    self.memory = memory
    unsafe self.handle = handle
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
  public func receive(_ bytes: RawSpan) throws(HTTP2Error) {
    var fed = 0
    if role == .server {
      var offset = 0
      while let (fault, start) = watch.next(in: bytes, from: &offset) {
        // What came before decides what the stream is by now.
        try feed(bytes.extracting(fed..<start))
        fed = start
        answer(fault)
      }
    }
    try feed(fed == 0 ? bytes : bytes.extracting(fed...))
  }

  /// Tells the peer of a frame that nghttp2 will pass over.
  private func answer(_ fault: FrameWatch.Fault) {
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

  private func feed(_ bytes: RawSpan) throws(HTTP2Error) {
    guard bytes.byteCount > 0 else { return }
    let taken = unsafe bytes.withUnsafeBytes { bytes in
      unsafe nghttp2_session_mem_recv(handle, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    if taken < 0 { throw Self.error(taken) }
  }

  /// Appends what there is to send to `output`, until it is full.
  public func produce(into output: HTTP2OutputBuffer) throws(HTTP2Error) {
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
  private func announceStreams(in output: HTTP2OutputBuffer) {
    hasSentSettings = true
    if role == .server { output.replaceLast(with: limits.concurrentStreamsMax) }
  }

  /// Streams that are open now.
  public var openStreamCount: Int { openStreams.count }

  func didOpen(_ stream: HTTP2Stream) {
    stream.openIndex = openStreams.count
    streamOpenedAtMilliseconds = resources.now()
    stream.openedAtMilliseconds = streamOpenedAtMilliseconds
    openStreams.append(stream)
    resources.openStreamCount += 1
  }

  func didClose(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    let last = openStreams.removeLast()
    if last !== stream {
      openStreams[stream.openIndex] = last
      last.openIndex = stream.openIndex
    }
    settle(stream)
    resources.openStreamCount -= 1
    stream.isClosed = true
    if stream.windowBytes > Int(limits.streamWindowBytes) { busyStreamCount -= 1 }
    delegate?.closed(stream, code: code)
    resources.give(stream)
  }

  /// Asks the peer for a sign of life.
  public func submitPing() {
    guard !pingIsOutstanding else { return }
    pingIsOutstanding = true
    unsafe nghttp2_submit_ping(handle, 0, nil)
  }

  /// Notes what the peer did too much of, and queues the GOAWAY that tells it.
  func stop(because flood: HTTP2Flood) {
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

  /// Visits every open stream; `body` must not close any.
  public func forEachStream(_ body: (HTTP2Stream) -> Void) {
    for stream in openStreams { body(stream) }
  }

  /// The connection is gone: every open stream ends. Nothing may be received, submitted or produced
  /// after this.
  public func abandon() {
    while let stream = openStreams.last {
      unsafe nghttp2_session_set_stream_user_data(handle, stream.id, nil)
      didClose(stream, code: .cancel)
    }
    settleConnection()
    delegate = nil
  }

  /// Neither side has anything left to say: the connection can be closed.
  public var isFinished: Bool {
    unsafe unsentChunk == nil && nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
  }

  /// Whether `produce(into:)` would yield something.
  public var hasOutput: Bool {
    unsafe unsentChunk != nil || nghttp2_session_want_write(handle) != 0
  }

  /// Announces that no streams will be accepted soon, without refusing those on their way.
  /// Source: RFC 9113, section 6.8.
  public func submitShutdownNotice() {
    unsafe nghttp2_submit_shutdown_notice(handle)
  }

  /// Refuses streams the peer opens from now on; those open go on.
  public func submitGoAway(code: HTTP2ErrorCode = .noError) {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
    unsafe nghttp2_submit_goaway(handle, 0, last, code.rawValue, nil, 0)
  }

  static func error(_ code: Int) -> HTTP2Error {
    if code == Int(NGHTTP2_ERR_NOMEM.rawValue) { return .outOfMemory }
    return .fatal(reason: unsafe String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: code))))
  }
}

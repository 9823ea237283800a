public import EventLoop
internal import HTTP
internal import ProtobufCodec

/// One call on the server: what handlers and interceptors know of it, and its life from headers to
/// trailers.
@safe public final class ServerContext: @unchecked Sendable {
  // Sendable because it is made, used and dropped on its loop's thread only: handlers run there
  // because their task prefers the loop as executor, and the state that touches the connection
  // checks it.

  /// The method called.
  public var method: MethodDescriptor { implementation.descriptor }
  /// The loop that serves the call.
  public let loop: EventLoop
  /// The other end of the connection.
  public let peerAddress: SocketAddress?
  @usableFromInline var values = CallValues()
  /// Milliseconds of the loop's clock at which the caller stops waiting; nil when it waits for
  /// ever.
  public let deadlineMilliseconds: UInt64?
  /// Whether the message read last had been compressed.
  public internal(set) var requestWasCompressed = false
  /// Whether responses are compressed from here on; takes effect only after `offerCompression()`
  /// answered yes.
  public var compressesResponses = false

  private let implementation: ServerMethod
  private let interceptors: [any ServerInterceptor]
  /// Nil once the stream is closed: the object then belongs to another call.
  private(set) var stream: HTTPExchange?
  let connection: ServerConnection
  let session: any HTTPSession
  /// Decides what the events of the call mean.
  var call = ServerCall()
  private var task: Task<Void, Never>?
  var deadlineTimer: LoopTimer?
  var initialMetadata: HeaderBlock?
  var trailingMetadata: HeaderBlock?
  /// The error that the handler gets when it uses a call that is over.
  private(set) var endReason = RPCStatus(.cancelled, "The caller gave up.")
  var reader: UnsafeContinuation<Void, Never>?
  var writer: UnsafeContinuation<Void, Never>?

  private var meter: CallMeter
  /// How the call's messages are carried.
  let format: CallFormat
  /// How compressed messages of the request are compressed.
  let requestEncoding: MessageEncoding
  /// The message of a Connect GET.
  let queryMessage: [UInt8]?
  /// Fields of every answer to a page in a browser; nil for other callers.
  let originFields: HeaderBlock?
  /// Bytes of the request's body, if it says them.
  let announcedBytes: Int?
  /// Room for the message under way, where it needs more than its stream's window.
  var reservation: LargeMessageBudget.Reservation?
  /// When that room was granted, on the loop's clock.
  var grantedAtMilliseconds: UInt64 = 0
  private(set) var responseEncoding = MessageEncoding.identity

  init(
    _ request: consuming AcceptedRequest, stream: HTTPExchange, session: any HTTPSession, connection: ServerConnection
  ) {
    implementation = request.route.method
    interceptors = request.route.interceptors
    meter = CallMeter(request.route.index, connection.server.metrics)
    format = request.format
    requestEncoding = request.encoding
    queryMessage = request.queryMessage
    originFields = request.originFields
    announcedBytes = request.announcedBytes
    let timeoutMilliseconds = request.timeoutMilliseconds
    self.stream = stream
    self.connection = connection
    self.session = session
    loop = connection.loop
    peerAddress = connection.peerAddress
    deadlineMilliseconds = timeoutMilliseconds.map { connection.loop.nowMilliseconds &+ $0 }
    if let timeoutMilliseconds {
      deadlineTimer = loop.schedule(afterMilliseconds: timeoutMilliseconds) { [unowned self] in deadlinePassed() }
    }
  }

  /// The outcome is not decided.
  var isOpen: Bool { call.isOpen }

  // MARK: Metadata

  /// The first value of a request header (lower-case name); nil when absent, or when the call is
  /// over.
  public func metadata(_ name: String) -> String? { stream?.headers.firstValue(name) }

  /// Every value of a request header (lower-case name), in order; none when absent, or when the
  /// call is over.
  public func metadataValues(_ name: String) -> [String] {
    guard let headers = stream?.headers else { return [] }
    return headers.fields.filter { headers.name(of: $0) == name }.map { headers.value(of: $0) }
  }

  /// Every request header in order, pseudo-headers left out; none when the call is over.
  package var allMetadata: [(name: String, value: String)] {
    guard let headers = stream?.headers else { return [] }
    return headers.fields.map { (headers.name(of: $0), headers.value(of: $0)) }.filter { !$0.name.hasPrefix(":") }
  }

  /// The parameters of a Connect GET, decoded, in order; none for other calls, and when the call is
  /// over.
  package var queryParameters: [(name: String, value: String)] {
    guard queryMessage != nil, let path = metadata(":path") else { return [] }
    return ConnectQuery.parameters(of: path)
  }

  /// Lends the bytes of the first value of a request header, without making a `String` of them.
  /// - Returns: nil when absent, longer than `byteCountMax`, or when the call is over.
  @inline(__always)
  public func withMetadata<Result>(
    _ name: StaticString, byteCountMax: Int, _ body: (RawSpan) -> Result
  ) -> Result? {
    guard let headers = stream?.headers else { return nil }
    for field in headers.fields where field.nameCount == name.utf8CodeUnitCount {
      guard headers.withBytes(of: field, { fieldName, _ in fieldName.equals(name) }) else { continue }
      guard field.valueCount <= byteCountMax else { return nil }
      return headers.withBytes(of: field) { _, value in body(value) }
    }
    return nil
  }

  /// Adds a header to send before the first response. Names in lower case; those ending in `-bin`
  /// take base64.
  public func addInitialMetadata(_ name: String, _ value: String) {
    initialMetadata = initialMetadata ?? HeaderBlock()
    initialMetadata?.append(name: name, value: value)
  }

  /// Adds a header to send after the last response. Names in lower case.
  public func addTrailingMetadata(_ name: String, _ value: String) {
    trailingMetadata = trailingMetadata ?? HeaderBlock()
    trailingMetadata?.append(name: name, value: value)
  }

  /// Adds a binary header (the name ends in `-bin`) to send after the last response.
  public func addTrailingMetadata(_ name: String, bytes: [UInt8]) {
    addTrailingMetadata(name, Base64.encode(bytes, padding: false))
  }

  // MARK: Compression

  /// Announces gzip for this call's responses and switches it on, if the caller takes it. Before
  /// the first response only.
  ///
  /// - Returns: Whether responses may be compressed.
  @discardableResult
  public func offerCompression() -> Bool {
    if responseEncoding == .gzip { return true }
    guard call.response == .idle, ContentNegotiation.takesGzip(metadataValues(format.acceptedEncodingsName)) else {
      return false
    }
    // Connect's unary responses say so with the message, which may have to go uncompressed.
    if format.isFramed { addInitialMetadata(format.encodingName, "gzip") }
    responseEncoding = .gzip
    compressesResponses = true
    return true
  }

  // MARK: Life

  /// Starts the handler's task. The call refers to the task and the task to the call until the
  /// handler returns.
  func start() {
    guard call.start() else { return }
    task = Task(executorPreference: loop) { await self.run() }
  }

  private func run() async {
    do throws(RPCStatus) {
      try await runInterceptors(from: 0)
      finish(nil)
    } catch {
      finish(error)
    }
    call.handlerReturned()
    task = nil
  }

  private func runInterceptors(from place: Int) async throws(RPCStatus) {
    guard place < interceptors.count else { return try await implementation.invoke(self) }
    try await interceptors[place].intercept(self) { context throws(RPCStatus) in
      try await context.runInterceptors(from: place + 1)
    }
  }

  /// Whether the method waits for the whole request before it runs.
  var takesOneRequest: Bool {
    switch method.kind {
    case .unary, .serverStreaming: true
    case .clientStreaming, .bidirectionalStreaming: false
    }
  }

  /// Ends the call with `status` if it is not over `milliseconds` from now; the caller's own
  /// deadline may end it before.
  public func limitTime(milliseconds: UInt64, _ status: RPCStatus) {
    let limit = loop.nowMilliseconds &+ milliseconds
    guard isOpen, limit < deadlineMilliseconds ?? .max else { return }
    deadlineTimer?.cancel()
    deadlineTimer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in end(status) }
  }

  private func deadlinePassed() {
    end(RPCStatus(.deadlineExceeded, "The caller's deadline has passed."))
  }

  /// Ends the call from outside its handler: the status is sent, and the handler is cancelled. Loop
  /// thread only.
  public func end(_ status: RPCStatus) {
    guard isOpen else { return }
    endReason = status
    finish(status)
    cancelHandler()
    connection.needsFlush()
  }

  /// The stream is over: nothing can be sent any more.
  func streamClosed() {
    releaseReservation()
    stream = nil
    if call.close() { ended(endReason) }
    deadlineTimer = nil
    cancelHandler()
  }

  private func cancelHandler() {
    task?.cancel()
    resumeReader()
    resumeWriter()
  }

  // MARK: Metrics

  /// Counts what has arrived since it was counted last.
  func countReceived(_ stream: HTTPExchange) {
    meter.received(stream.receivedBytes - meter.receivedBytes, connection.server.metrics)
  }

  func sent(_ bytes: Int) { meter.sent(bytes, connection.server.metrics) }

  /// The outcome is decided; nil is OK.
  func ended(_ status: RPCStatus?) { connection.ended(meter, implementation, status) }

  // MARK: Suspended handlers

  /// More of the request has come, or its end.
  func resumeReader() {
    guard call.resume(for: .request) else { return }
    unsafe reader?.resume()
    unsafe reader = nil
  }

  /// There is room for more of the response.
  func resumeWriter() {
    guard call.resume(for: .room) else { return }
    unsafe writer?.resume()
    unsafe writer = nil
  }
}

public import EventLoop
internal import HTTP
public import ProtobufCodec

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
  /// Who calls, once an interceptor has found out.
  public var principal: (any Sendable)?
  /// Milliseconds of the loop's clock at which the caller stops waiting; nil when it waits for
  /// ever.
  public let deadlineMilliseconds: UInt64?
  /// Whether the message read last had been compressed.
  public private(set) var requestWasCompressed = false
  /// Whether responses are compressed from here on; takes effect only after `offerCompression()`
  /// answered yes.
  public var compressesResponses = false

  private enum Progress {
    /// Nothing has been sent.
    case noResponse
    /// Response headers are sent; messages may follow.
    case headersSent
    /// The outcome is decided: whatever the handler does now is ignored.
    case finished
  }

  private let implementation: ServerMethod
  private let interceptors: [any ServerInterceptor]
  /// Nil once the stream is closed: the object then belongs to another call.
  private(set) var stream: HTTPExchange?
  let connection: ServerConnection
  let session: any HTTPSession
  private var progress = Progress.noResponse
  private var task: Task<Void, Never>?
  private var deadlineTimer: LoopTimer?
  private var initialMetadata: HeaderBlock?
  private var trailingMetadata: HeaderBlock?
  /// What the handler is told when it touches a call that is over.
  private var endReason = RPCStatus(.cancelled, "The caller gave up.")
  private(set) var reader: UnsafeContinuation<Void, Never>?
  private var writer: UnsafeContinuation<Void, Never>?

  private var meter: CallMeter
  let requestEncoding: MessageEncoding
  /// Room for the message under way, where it needs more than its stream's window.
  var reservation: RequestBudget.Reservation?
  /// When that room was granted, on the loop's clock.
  var grantedAtMilliseconds: UInt64 = 0
  private var responseEncoding = MessageEncoding.identity

  init(
    _ route: Router.Route, stream: HTTPExchange, session: any HTTPSession, connection: ServerConnection,
    encoding: MessageEncoding,
    timeoutMilliseconds: UInt64?
  ) {
    implementation = route.method
    interceptors = route.interceptors
    meter = CallMeter(route.index, connection.server.metrics)
    requestEncoding = encoding
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
  var isOpen: Bool { progress != .finished }

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

  /// The first value of a binary request header (lower-case name ending in `-bin`), decoded.
  /// - Returns: nil when absent, not base64, or when the call is over.
  public func binaryMetadata(_ name: String) -> [UInt8]? { metadata(name).flatMap(Base64.decode) }

  /// The bytes of the first value of a request header, without making a `String` of it.
  /// - Returns: nil when absent, longer than `byteCountMax`, or when the call is over.
  public func metadataBytes(_ name: StaticString, byteCountMax: Int) -> [UInt8]? {
    guard let headers = stream?.headers else { return nil }
    for field in headers.fields where field.nameCount == name.utf8CodeUnitCount {
      guard headers.withBytes(of: field, { fieldName, _ in fieldName.equals(name) }) else { continue }
      guard field.valueCount <= byteCountMax else { return nil }
      return headers.withBytes(of: field) { _, value in unsafe value.withUnsafeBytes { unsafe Array($0) } }
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
    guard progress == .noResponse, let list = metadata("grpc-accept-encoding"), MessageEncoding.listHoldsGzip(list)
    else { return false }
    addInitialMetadata("grpc-encoding", "gzip")
    responseEncoding = .gzip
    compressesResponses = true
    return true
  }

  private func appendMessage(to buffer: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    if compressesResponses && responseEncoding == .gzip {
      MessageFraming.appendCompressed(to: &buffer, body)
    } else {
      MessageFraming.append(to: &buffer, body)
    }
  }

  // MARK: Life

  /// Starts the handler's task. The call refers to the task and the task to the call until the
  /// handler returns.
  func start() {
    task = Task(executorPreference: loop) { await self.run() }
  }

  private func run() async {
    do throws(RPCStatus) {
      try await runInterceptors(from: 0)
      finish(nil)
    } catch {
      finish(error)
    }
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
    guard progress != .finished, limit < deadlineMilliseconds ?? .max else { return }
    deadlineTimer?.cancel()
    deadlineTimer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in end(status) }
  }

  private func deadlinePassed() {
    end(RPCStatus(.deadlineExceeded, "The caller's deadline has passed."))
  }

  /// Ends the call from outside its handler: the caller is told, the handler is cancelled. Loop
  /// thread only.
  public func end(_ status: RPCStatus) {
    guard progress != .finished else { return }
    endReason = status
    finish(status)
    cancelHandler()
    connection.needsFlush()
  }

  /// The stream is over: nothing can be sent any more.
  func streamClosed() {
    releaseReservation()
    stream = nil
    if progress != .finished { ended(endReason) }
    progress = .finished
    deadlineTimer = nil
    cancelHandler()
  }

  private func cancelHandler() {
    task?.cancel()
    resumeReader()
    resumeWriter()
  }

  /// Sends the end of the response, whatever has been sent before.
  private func finish(_ status: RPCStatus?) {
    guard progress != .finished, let stream else { return }
    defer {
      progress = .finished
      deadlineTimer = nil
      connection.needsFlush()
    }
    if status != nil { connection.discardInput(of: stream) }
    releaseReservation()
    if status == nil && progress == .noResponse { sent(stream.outbound.count) }
    ended(status)
    if let status {
      if progress == .noResponse {
        session.dropOutbound(stream)
        session.submitHeadersOnlyResponse(
          stream, StatusTrailers.only(status, metadata: [initialMetadata, trailingMetadata], to: connection))
      } else {
        session.finish(stream, trailers: StatusTrailers.fields(status, metadata: [trailingMetadata], to: connection))
      }
      return
    }
    if progress == .noResponse { submitResponse(stream) }
    if let trailingMetadata {
      session.finish(stream, trailers: StatusTrailers.fields(nil, metadata: [trailingMetadata], to: connection))
    } else {
      session.finish(stream, constantTrailers: StatusTrailers.ok)
    }
  }

  private func submitResponse(_ stream: HTTPExchange) {
    guard let initialMetadata else { return session.submitResponse(stream, constant: StatusTrailers.response) }
    var headers = StatusTrailers.response.block
    headers.append(initialMetadata)
    session.submitResponse(stream, headers)
  }

  // MARK: Metrics

  /// Counts what has arrived since it was counted last.
  func countReceived(_ stream: HTTPExchange) {
    meter.received(stream.receivedBytes - meter.receivedBytes, connection.server.metrics)
  }

  private func sent(_ bytes: Int) { meter.sent(bytes, connection.server.metrics) }

  /// The outcome is decided; nil is OK.
  private func ended(_ status: RPCStatus?) { connection.ended(meter, implementation, status) }

  // MARK: Messages

  /// Decodes the request of a call that has exactly one. Called when the whole request is there.
  @inlinable
  func onlyRequest<Request: ProtobufMessage>(_ type: Request.Type) throws(RPCStatus) -> Request {
    var request = Request()
    unsafe try withOnlyRequest { bytes, limits throws(DecodeError) in
      request = try unsafe Request.decode(bytes, limits: limits)
    }
    let violations = request.fieldViolations()
    guard violations.isEmpty else { throw FieldRefusal.status(for: violations) }
    return request
  }

  /// Lends the only message of the request and then drops it.
  @usableFromInline
  func withOnlyRequest(
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    guard let stream else { throw endReason }
    let limit = requestBytesMax
    let front = MessageFraming.front(of: stream.body, from: 0, byteLimit: limit, encoding: requestEncoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limit) { throw refusal }
    guard case .message(let count, let isCompressed) = front else {
      throw RPCStatus(.internal, "The request ended within its message.")
    }
    guard stream.bodyBytes == MessageFraming.prefixBytes + count else {
      throw RPCStatus(.internal, "The request holds more than the one message its method takes.")
    }
    requestWasCompressed = isCompressed
    let message = MessageFraming.prefixBytes..<MessageFraming.prefixBytes + count
    if isCompressed {
      let expanded = try MessageEncoding.expand(stream.body, message, byteLimit: limit)
      try reserveNow(expanded.count)
      unsafe try lend(expanded, 0..<expanded.count, body)
    } else {
      unsafe try lend(stream.body, message, body)
    }
    stream.dropBody()
    stream.reservedBytes = 0
    session.countReceived(stream)
  }

  /// What there is of the requests of a call that has many.
  @usableFromInline
  enum NextRequest {
    case taken
    case nothingYet
    case ended
  }

  /// Lends the next of many requests, if all of it is there, and then drops it.
  @usableFromInline
  func withNextRequest(
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) -> NextRequest {
    guard let stream, progress != .finished else { throw endReason }
    let limit = requestBytesMax
    let front = MessageFraming.front(
      of: stream.body, from: stream.bodyOffset, byteLimit: limit, encoding: requestEncoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limit) { throw refusal }
    guard case .message(let count, let isCompressed) = front else {
      guard stream.receivedEnd else { return .nothingYet }
      guard stream.bodyBytes == 0 else { throw RPCStatus(.internal, "The request ended within a message.") }
      return .ended
    }
    requestWasCompressed = isCompressed
    let start = stream.bodyOffset + MessageFraming.prefixBytes
    if isCompressed {
      let expanded = try MessageEncoding.expand(stream.body, start..<start + count, byteLimit: limit)
      unsafe try lend(expanded, 0..<expanded.count, body)
    } else {
      unsafe try lend(stream.body, start..<start + count, body)
    }
    stream.useBody(first: MessageFraming.prefixBytes + count)
    releaseReservation()
    session.countReceived(stream)
    return .taken
  }

  /// Suspends until there is more of the requests, or the call is over.
  @usableFromInline
  func waitForRequest() async {
    guard let stream, progress != .finished else { return }
    // The handler wants more: the peer gets the window back of what was used. While it does not,
    // the window holds the peer up.
    session.consumeUsed(stream)
    session.widenIfBusy(stream)
    let front = MessageFraming.front(
      of: stream.body, from: stream.bodyOffset, byteLimit: requestBytesMax, encoding: requestEncoding)
    admit(front, on: stream)
    connection.needsFlush()
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe reader = continuation
    }
  }

  private func lend(
    _ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    do throws(DecodeError) {
      let message = unsafe bytes.span.bytes.extracting(range)
      try unsafe message.withUnsafeBytes { message throws(DecodeError) in
        try unsafe body(message, connection.limits.decoding)
      }
    } catch {
      throw FieldRefusal.status(for: error)
    }
  }

  /// Keeps the response of a call that has exactly one, encoded, until the call ends.
  /// - Throws: `.noRoom` when too much waits for peers already.
  @inlinable
  func setResponse<Response: ProtobufMessage>(_ response: Response) throws(RPCStatus) {
    try setResponse { response.append(to: &$0) }
  }

  @usableFromInline
  func setResponse(_ body: (inout [UInt8]) -> Void) throws(RPCStatus) {
    guard let stream, progress != .finished else { return }
    appendMessage(to: &stream.outbound, body)
    try admit(stream)
  }

  /// Counts what waits for the peer.
  private func admit(_ stream: HTTPExchange) throws(RPCStatus) {
    session.countSending(stream)
    guard stream.heldSendingBytes > 0 else { return }
    guard connection.server.admitsResponse(stream, of: connection) else { throw .noRoom }
  }

  /// Appends one of many responses.
  /// - Returns: Whether the writer is to wait until there is room for more.
  @usableFromInline
  func append(_ encode: (inout [UInt8]) -> Void) throws(RPCStatus) -> Bool {
    guard let stream, progress != .finished else { throw endReason }
    let before = stream.outbound.count
    appendMessage(to: &stream.outbound, encode)
    do throws(RPCStatus) { try admit(stream) } catch {
      stream.outbound.removeLast(stream.outbound.count - before)
      if stream.outbound.isEmpty { session.dropOutbound(stream) }
      throw error
    }
    // To make room this connection may have been closed.
    guard progress != .finished else { throw endReason }
    if progress == .noResponse {
      submitResponse(stream)
      progress = .headersSent
    }
    sent(stream.outbound.count - before)
    session.append(to: stream) { _ in }
    connection.needsFlush()
    return session.needsDrain(stream)
  }

  /// Suspends until there is room for more of the response.
  /// - Throws: What ended the call, if it ended before.
  @usableFromInline
  func waitForRoom() async throws(RPCStatus) {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe writer = continuation
    }
    guard stream != nil, progress != .finished else { throw endReason }
  }

  /// More of the request has come, or its end.
  func resumeReader() {
    unsafe reader?.resume()
    unsafe reader = nil
  }

  /// There is room for more of the response.
  func resumeWriter() {
    unsafe writer?.resume()
    unsafe writer = nil
  }
}

extension RawSpan {
  /// Whether the bytes are exactly those of `text`.
  func equals(_ text: StaticString) -> Bool {
    guard byteCount == text.utf8CodeUnitCount else { return false }
    for index in 0..<byteCount
    where unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self) != text.utf8Start[index] {
      return false
    }
    return true
  }
}

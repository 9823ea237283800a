internal import EventLoop
internal import GRPCSchema
internal import HTTP
internal import HTTP2
internal import ProtobufCodec

/// One call on the client, from request to status, over as many attempts as it takes.
/// Loop-confined.
@safe final class ClientCall {
  typealias Metadata = [(name: String, value: String)]

  private let wire: ClientWire
  private var method: MethodDescriptor { wire.method }
  private let options: CallOptions
  private let channel: LoopBound<ChannelConnector>
  private var connector: ChannelConnector { channel.value }
  /// On the loop's clock, once the call has started.
  private var deadlineMilliseconds: UInt64?
  private var deadlineTimer: LoopTimer?

  // The attempt under way.
  private var stream: HTTPExchange?
  private var connection: ClientConnection?
  private var attempts = 0
  private var retryTimer: LoopTimer?
  private var retryBackoff: ReconnectBackoff?

  // The request.
  /// Why the request cannot be sent.
  private var refusal: RPCStatus?
  /// The only request, framed, while it may have to be sent again.
  private var replay: [UInt8]?
  /// Some of a stream of requests has been handed over: the call cannot begin anew.
  private var hasSent = false

  // The response.
  private var hasHeaders = false
  private var metadata: Metadata?
  private var encoding = MessageEncoding.identity
  /// Received bytes of a stream that is closed.
  private var body: [UInt8] = []
  /// Where the next message starts, in the stream's body while there is a stream, else in `body`.
  private var offset = 0
  private var result: Result<Metadata, RPCStatus>?
  private var waiters = unsafe [UnsafeContinuation<Void, Never>]()

  /// Any thread; everything after this happens on the loop's.
  /// - Parameter onlyRequest: Encoded, of a method that takes one.
  init(
    _ method: MethodDescriptor, _ rpcProtocol: ClientProtocol, _ options: CallOptions, onlyRequest: [UInt8]?,
    channel: LoopBound<ChannelConnector>
  ) {
    wire = ClientWire(method, rpcProtocol)
    self.options = options
    self.channel = channel
    if let onlyRequest {
      var encoded: [UInt8] = []
      encoded.reserveCapacity(onlyRequest.count + MessageFraming.prefixBytes)
      do throws(RPCStatus) {
        try wire.append(onlyRequest, options.encoding, to: &encoded)
        replay = encoded
      } catch {
        refusal = error
      }
    }
  }

  var waitsForReady: Bool { options.waitsForReady }

  /// Begins the call's time and its first attempt.
  func start() {
    guard result == nil else { return }
    if let refusal = refusal ?? options.metadataRefusal { return end(.failure(refusal)) }
    if let milliseconds = options.timeoutMilliseconds {
      let (deadline, isBeyond) = connector.loop.nowMilliseconds.addingReportingOverflow(milliseconds)
      deadlineMilliseconds = isBeyond ? .max : deadline
      deadlineTimer = connector.loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in
        abandon(RPCStatus(.deadlineExceeded, "No answer within \(milliseconds) ms."))
      }
    }
    connector.attach(self)
  }

  // MARK: Attempts

  /// Sends the call on a connection.
  /// - Returns: false when the connection takes no more calls.
  func begin(on connection: ClientConnection) -> Bool {
    let now = connector.loop.nowMilliseconds
    let remaining = deadlineMilliseconds.map { $0 > now ? $0 - now : 1 }
    guard
      let stream = connection.open(
        wire, options: options, timeoutMilliseconds: remaining, owner: self)
    else { return false }
    attempts += 1
    self.stream = stream
    self.connection = connection
    if let replay {
      connection.append(to: stream) { $0.append(contentsOf: replay) }
      connection.finish(stream)
    }
    wake()
    return true
  }

  /// There is no connection, and will be none soon.
  func failed(_ status: RPCStatus) { end(.failure(status)) }

  /// The connection broke.
  func lost(_ status: RPCStatus, wasSent: Bool) {
    attemptEnded(status, wasBegun: wasSent)
  }

  /// The stream ended: with trailers, or by a reset.
  func closed(code: HTTP2ErrorCode) {
    guard let stream else { return }
    guard wire.format.rpcProtocol == .grpc else { return closedWithoutTrailers(stream, code) }
    let block = stream.trailers.fields.isEmpty ? stream.headers : stream.trailers
    if let number = block.firstValue("grpc-status").flatMap(Int.init) {
      if block === stream.headers { hasHeaders = false }
      guard number != 0 else { return succeeded(Self.metadata(block)) }
      return attemptEnded(
        RPCStatus(
          number: number, message: block.firstValue("grpc-message"),
          details: block.firstValue("grpc-status-details-bin")), wasBegun: true)
    }
    if let httpStatus = stream.headers.firstValue(":status"), httpStatus != "200" {
      return attemptEnded(RPCStatus(httpStatus: httpStatus), wasBegun: true)
    }
    closedWithoutStatus(stream, code)
  }

  private func closedWithoutStatus(_ stream: HTTPExchange, _ code: HTTP2ErrorCode) {
    guard stream.isSent || code == .refusedStream else {
      return attemptEnded(
        RPCStatus(.internal, "The request's header fields cannot be sent: they may be too large."), wasBegun: true)
    }
    attemptEnded(Self.status(resetWith: code), wasBegun: code != .refusedStream)
  }

  /// The exchange ended, in a protocol whose status is in the body or in the HTTP status.
  private func closedWithoutTrailers(_ stream: HTTPExchange, _ code: HTTP2ErrorCode) {
    guard code == .noError, stream.receivedEnd, let httpStatus = stream.headers.firstValue(":status") else {
      return closedWithoutStatus(stream, code)
    }
    if wire.format.rpcProtocol == .connectUnary {
      if let status = ClientWire.connectStatus(httpStatus, stream.body) {
        stream.body = []
        return attemptEnded(status, wasBegun: true)
      }
      let prefix = ConnectFields.trailerPrefix
      return succeeded(
        Self.metadata(stream.headers).filter { $0.name.hasPrefix(prefix) }
          .map { (String($0.name.dropFirst(prefix.count)), $0.value) })
    }
    guard httpStatus == "200" else { return attemptEnded(RPCStatus(httpStatus: httpStatus), wasBegun: true) }
    takeText()
    let end =
      wire.format.isText ? wire.takeEnd(from: &body, after: offset) : wire.takeEnd(from: &stream.body, after: offset)
    switch end {
    case .succeeded(let trailers): succeeded(trailers)
    case .failed(let status): attemptEnded(status, wasBegun: true)
    case nil: attemptEnded(RPCStatus(.internal, "The response ended without a status."), wasBegun: true)
    }
  }

  /// Decodes what has come of a body in base64.
  private func takeText() {
    guard wire.format.isText, let stream else { return }
    let count = stream.body.count / WebText.groupBytes * WebText.groupBytes
    guard count > 0, let bytes = try? WebText.decode(Array(stream.body[..<count])) else { return }
    body += bytes
    stream.body.removeFirst(count)
  }

  private func succeeded(_ trailers: Metadata) {
    detach()
    connector.retryThrottle.succeeded()
    end(.success(trailers))
  }

  /// - Parameter wasBegun: Whether the server may have started on the call.
  private func attemptEnded(_ status: RPCStatus, wasBegun: Bool) {
    detach()
    let canReplay = !hasHeaders && (replay != nil || !hasSent) && attempts < connector.options.attemptsMax
    if canReplay && !wasBegun {
      // To be sent from a fresh stack: this is the old connection's event.
      return tryAgain(afterMilliseconds: 0)
    }
    guard status.code == .unavailable, method.idempotency != .unknown else { return end(.failure(status)) }
    connector.retryThrottle.failed()
    guard canReplay, replay != nil, connector.retryThrottle.isOpen else { return end(.failure(status)) }
    var backoff =
      retryBackoff
      ?? ReconnectBackoff(
        minMilliseconds: connector.options.retryMillisecondsMin,
        maxMilliseconds: connector.options.retryMillisecondsMax)
    var wait = backoff.nextDelayMilliseconds(random: .random(in: 0..<1))
    retryBackoff = backoff
    if let delay = status.detail(GoogleRPCRetryInfo.self)?.retryDelay {
      // The server may send any number. A call does not wait longer than the limit: it fails.
      guard delay.seconds < Self.retryDelaySecondsMax else { return end(.failure(status)) }
      wait = max(wait, UInt64(clamping: delay.seconds) * 1_000 + UInt64(clamping: delay.nanos) / 1_000_000)
    }
    // There is no sense in waiting for the deadline.
    let now = connector.loop.nowMilliseconds
    if let deadlineMilliseconds, now &+ wait >= deadlineMilliseconds { return end(.failure(status)) }
    tryAgain(afterMilliseconds: wait)
  }

  /// A server that asks for as much patience, or more, is not called again.
  static let retryDelaySecondsMax: Int64 = 60

  private func tryAgain(afterMilliseconds wait: UInt64) {
    retryTimer = connector.loop.schedule(afterMilliseconds: wait) { [unowned self] in
      retryTimer = nil
      connector.attach(self)
    }
  }

  /// The attempt's stream is no longer ours. What it received stays readable.
  private func detach() {
    if let stream, !wire.format.isText { swap(&body, &stream.body) }
    stream = nil
    connection = nil
  }

  /// Gives the call up, with what was received and not read yet.
  func abandon(_ status: RPCStatus) {
    guard result == nil else { return }
    if let stream { connection?.cancel(stream) }
    stream = nil
    connection = nil
    body = []
    offset = 0
    connector.forget(self)
    end(.failure(status))
  }

  private func end(_ result: Result<Metadata, RPCStatus>) {
    guard self.result == nil else { return }
    self.result = result
    deadlineTimer = nil
    retryTimer = nil
    replay = nil
    connector.forget(self)
    wake()
  }

  // MARK: Events

  func receivedHeaders() {
    guard let stream else { return }
    guard !stream.headersTooLarge else {
      return abandon(RPCStatus(.resourceExhausted, "The response's header list is too large."))
    }
    // With the end of the stream they are trailers, which `closed` reads.
    guard !stream.receivedEnd else { return }
    let httpStatus = stream.headers.firstValue(":status") ?? ""
    guard httpStatus == "200" else {
      // The body says why.
      guard wire.format.rpcProtocol != .connectUnary else { return }
      return abandon(RPCStatus(httpStatus: httpStatus))
    }
    guard stream.headers.firstValue("content-type")?.hasPrefix(contentTypePrefix) == true else {
      return abandon(RPCStatus(.unknown, "The server's answer is not \(contentTypePrefix)."))
    }
    let coding = stream.headers.firstValue(wire.format.encodingName)
    switch wire.format.isConnect ? coding?.lowercased() : coding {
    case nil, "identity": break
    case "gzip": encoding = .gzip
    case let other?:
      return abandon(RPCStatus(.internal, "The server compresses with \(other), which was not offered."))
    }
    if wire.format.rpcProtocol == .grpc { responseBegan() }
    metadata = Self.metadata(stream.headers).filter {
      wire.format.rpcProtocol != .connectUnary || !$0.name.hasPrefix(ConnectFields.trailerPrefix)
    }
    wake()
  }

  /// The call cannot be sent again: some of its response is there.
  private func responseBegan() {
    hasHeaders = true
    replay = nil
  }

  /// What the response's content type begins with: a server may name the codec or not.
  private var contentTypePrefix: String {
    switch wire.format.rpcProtocol {
    case .grpc: "application/grpc"
    case .grpcWeb: wire.format.isText ? "application/grpc-web-text" : "application/grpc-web"
    case .connectUnary, .connectStreaming: "\(wire.format.contentType)"
    }
  }

  func receivedBody() {
    takeText()
    wake()
  }

  /// Resumes the waiters after a change; each checks its condition again.
  func wake() {
    guard unsafe !waiters.isEmpty else { return }
    let woken = unsafe waiters
    unsafe waiters.removeAll()
    unsafe woken.forEach { waiter in unsafe waiter.resume() }
  }

  private func change() async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe waiters.append(continuation)
    }
  }

  // MARK: The caller's side

  /// Hands one request over; suspends while there is no connection or the server's window is full.
  func send(_ message: [UInt8]) async throws(RPCStatus) {
    while true {
      if let result { throw Self.sendingRefusal(result) }
      guard let stream, let connection else {
        await change()
        continue
      }
      guard !connection.needsDrain(stream) else {
        await change()
        continue
      }
      hasSent = true
      var encoded: [UInt8] = []
      try wire.append(message, options.encoding, to: &encoded)
      connection.append(to: stream) { $0.append(contentsOf: encoded) }
      return
    }
  }

  /// No more requests follow.
  func finishSending() async {
    while result == nil {
      if let stream, let connection {
        hasSent = true
        return connection.finish(stream)
      }
      await change()
    }
  }

  /// The response's header fields; empty when the server sent none before the status.
  func initialMetadata() async throws(RPCStatus) -> Metadata {
    while true {
      if let metadata { return metadata }
      if let result {
        _ = try result.get()
        return []
      }
      await change()
    }
  }

  /// The next response; nil after the last one of a call that succeeded.
  func next() async throws(RPCStatus) -> [UInt8]? {
    while true {
      if let message = try takeMessage() { return message }
      if let result {
        _ = try result.get()
        guard offset == body.count else { throw RPCStatus(.internal, "The response ended within a message.") }
        return nil
      }
      // More is wanted than what the window lets through: the server gets all of it back.
      if let stream { connection?.consume(stream) }
      await change()
    }
  }

  /// The fields after the last response of a call that succeeded.
  func trailingMetadata() async throws(RPCStatus) -> Metadata {
    while true {
      if let result { return try result.get() }
      await change()
    }
  }

  /// The response of a method that has one.
  func onlyReply() async throws(RPCStatus) -> UnaryReply<[UInt8]> {
    guard let message = try await next() else { throw RPCStatus(.internal, "The server sent no message.") }
    guard try await next() == nil else {
      throw refused(RPCStatus(.internal, "The server sent more than the one message its method has."))
    }
    return UnaryReply(message: message, initialMetadata: metadata ?? [], trailingMetadata: try await trailingMetadata())
  }

  private func takeMessage() throws(RPCStatus) -> [UInt8]? {
    guard let stream, !wire.format.isText else {
      guard wire.format.rpcProtocol == .connectUnary else { return try takeMessage(from: &body) }
      return try takeWholeBody()
    }
    // Without frames, only the end says that the message is whole.
    guard wire.format.isFramed else { return nil }
    let before = stream.body.count - offset
    guard let message = try takeMessage(from: &stream.body) else { return nil }
    connection?.consume(stream, first: before - (stream.body.count - offset))
    return message
  }

  /// Most used bytes in front of the next message; beyond that, the rest is moved to the front.
  private static let usedBytesMax = 65_536

  private func takeMessage(from bytes: inout [UInt8]) throws(RPCStatus) -> [UInt8]? {
    let limit = connector.options.messageBytesMax
    // The end of the response is read once all of it is there.
    if offset < bytes.count, wire.endsResponse(bytes[offset]) { return nil }
    let front = MessageFraming.front(of: bytes, from: offset, byteLimit: limit, encoding: encoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limit) { throw refused(refusal) }
    guard case .message(let count, let isCompressed) = front else { return nil }
    let range = offset + MessageFraming.prefixBytes..<offset + MessageFraming.prefixBytes + count
    var message: [UInt8]
    if isCompressed {
      do throws(RPCStatus) {
        message = try MessageEncoding.expand(bytes, range, byteLimit: limit)
      } catch {
        throw refused(error)
      }
    } else {
      message = Array(bytes[range])
    }
    responseBegan()
    do throws(RPCStatus) { message = try wire.protobuf(message) } catch { throw refused(error) }
    offset = range.upperBound
    if offset == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      offset = 0
    } else if offset >= Self.usedBytesMax {
      bytes.removeFirst(offset)
      offset = 0
    }
    return message
  }

  /// The message of a response without frames.
  private func takeWholeBody() throws(RPCStatus) -> [UInt8]? {
    guard case .success? = result, !hasHeaders else { return nil }
    responseBegan()
    var message: [UInt8] = []
    swap(&message, &body)
    let limit = connector.options.messageBytesMax
    do throws(RPCStatus) {
      guard message.count <= limit else {
        throw RPCStatus(.resourceExhausted, "The message has \(message.count) bytes; at most \(limit) are accepted.")
      }
      if encoding == .gzip { message = try MessageEncoding.expand(message, 0..<message.count, byteLimit: limit) }
      return try wire.protobuf(message)
    } catch {
      throw refused(error)
    }
  }

  /// The response cannot be read: the call is over, whatever the server thinks.
  private func refused(_ status: RPCStatus) -> RPCStatus {
    abandon(status)
    // It may have ended well: later reads report the refusal as well.
    result = .failure(status)
    body = []
    offset = 0
    return status
  }

  // MARK: Conversion

  private static func sendingRefusal(_ result: Result<Metadata, RPCStatus>) -> RPCStatus {
    switch result {
    case .success: RPCStatus(.ok, "The server has ended the call already.")
    case .failure(let status): status
    }
  }

  private static func metadata(_ block: ReceivedHeaders) -> Metadata {
    block.fields.map { (block.name(of: $0), block.value(of: $0)) }.filter { !$0.0.hasPrefix(":") }
  }

  /// The status of a stream that ended without one. Source: gRPC over HTTP/2, "HTTP2 Transport
  /// Mapping", Errors.
  private static func status(resetWith code: HTTP2ErrorCode) -> RPCStatus {
    switch code {
    case .refusedStream: RPCStatus(.unavailable, "The server refused the stream unprocessed.")
    case .cancel: RPCStatus(.cancelled, "The server cancelled the call.")
    case .enhanceYourCalm: RPCStatus(.resourceExhausted, "The server asks for fewer calls.")
    case .inadequateSecurity: RPCStatus(.permissionDenied, "The server asks for better encryption.")
    default: RPCStatus(.internal, "The stream ended without a status (HTTP/2 error \(code.rawValue)).")
    }
  }
}

public import EventLoop
internal import Gzip
internal import HTTP
public import ProtobufCodec

/// How handlers get the messages of a request.
extension ServerContext {
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
    let form = requestForm
    if let queryMessage {
      unsafe try lend(queryMessage, try form.wholeMessage(queryMessage), form, body)
    } else if format.isText {
      let decoded = try WebText.decode(stream.body)
      unsafe try lend(decoded, try form.onlyMessage(in: decoded), form, body)
    } else if format.isFramed {
      unsafe try lend(stream.body, try form.onlyMessage(in: stream.body), form, body)
    } else {
      unsafe try lend(stream.body, try form.wholeMessage(stream.body), form, body)
    }
    stream.dropBody()
    stream.reservedBytes = 0
    session.countReceived(stream)
  }

  // MARK: Large requests

  /// Bytes of a request, expanded, that are read on the loop at most: 1 MiB. Reading more would
  /// hold up the other calls.
  static let readOnLoopBytesMax = 1 << 20

  /// Whether the one request of the call is to be read by `largeRequest(_:)`.
  @usableFromInline
  var holdsLargeRequest: Bool {
    let count = stream?.body.count ?? 0
    guard requestEncoding == .gzip else { return count > Self.readOnLoopBytesMax }
    return min(count * Gzip.expansionMax, requestBytesMax) > Self.readOnLoopBytesMax
  }

  /// `onlyRequest(_:)` for a request that takes long to read: in the thread pool.
  @inlinable
  func largeRequest<Request: ProtobufMessage>(_ type: Request.Type) async throws(RPCStatus) -> Request {
    let message = try await takeLargeRequest()
    let result = await loop.offload { () -> Result<Request, RPCStatus> in
      do throws(RPCStatus) { return .success(try message.decoded(type)) } catch { return .failure(error) }
    }
    try requireOpen()
    return try result.get()
  }

  @usableFromInline
  func requireOpen() throws(RPCStatus) {
    guard stream != nil, isOpen else { throw endReason }
  }

  /// The only message of the request without frames and compression. Its room in the connection's
  /// budget stays reserved to the end of the call.
  @usableFromInline
  func takeLargeRequest() async throws(RPCStatus) -> ReceivedMessage {
    guard let stream else { throw endReason }
    let (form, body) = (requestForm, stream.takeBody())
    stream.reservedBytes = 0
    session.countReceived(stream)
    let result = await loop.offload { () -> Result<ReceivedMessage, RPCStatus> in
      do throws(RPCStatus) { return .success(try form.message(in: body)) } catch { return .failure(error) }
    }
    try requireOpen()
    let message = try result.get()
    requestWasCompressed = message.wasCompressed
    if message.wasCompressed { try reserveNow(message.bytes.count) }
    return message
  }

  private var requestForm: RequestForm {
    RequestForm(
      format: format, encoding: requestEncoding, bytesMax: requestBytesMax, decoding: connection.limits.decoding,
      descriptor: method.request, types: connection.server.types)
  }

  // MARK: Several requests

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
    guard let stream, isOpen else { throw endReason }
    let limit = requestBytesMax
    let front = MessageFraming.front(
      of: stream.body, from: stream.bodyOffset, byteLimit: limit, encoding: requestEncoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limit) { throw refusal }
    guard case .message(let count, let isCompressed) = front else {
      guard stream.receivedEnd else { return .nothingYet }
      guard stream.bodyBytes == 0 else {
        throw RuntimeReason.malformedRequest.status(format.malformedCode, "The request ended within a message.")
      }
      return .ended
    }
    let start = stream.bodyOffset + MessageFraming.prefixBytes
    let place = RequestForm.Place(range: start..<start + count, isCompressed: isCompressed)
    unsafe try lend(stream.body, place, requestForm, reserves: false, body)
    stream.useBody(first: MessageFraming.prefixBytes + count)
    releaseReservation()
    session.countReceived(stream)
    return .taken
  }

  /// Suspends until there is more of the requests, or the call is over.
  @usableFromInline
  func waitForRequest() async {
    guard let stream, isOpen else { return }
    // The handler wants more: the peer gets the window back of what was used. While it does not,
    // the window holds the peer up.
    session.consumeUsed(stream)
    session.widenIfBusy(stream)
    let front = MessageFraming.front(
      of: stream.body, from: stream.bodyOffset, byteLimit: requestBytesMax, encoding: requestEncoding)
    admit(front, on: stream)
    connection.needsFlush()
    guard call.suspend(for: .request) else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe reader = continuation
    }
  }

  /// Lends a message as protobuf, whatever its codec and compression.
  /// - Parameter reserves: Whether an expanded message takes room in the connection's budget: one
  ///   that is kept for the call's life does.
  private func lend(
    _ bytes: [UInt8], _ place: RequestForm.Place, _ form: RequestForm, reserves: Bool = true,
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    requestWasCompressed = place.isCompressed
    guard place.isCompressed else { return unsafe try form.lend(bytes, place.range, body) }
    let expanded = try form.expand(bytes, place.range)
    if reserves { try reserveNow(expanded.count) }
    unsafe try form.lend(expanded, 0..<expanded.count, body)
  }
}

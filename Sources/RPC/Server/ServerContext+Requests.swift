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
    if let queryMessage {
      unsafe try lend(queryMessage, try wholeMessage(queryMessage), body)
    } else if format.isText {
      let decoded = try WebText.decode(stream.body)
      unsafe try lend(decoded, try onlyMessage(in: decoded), body)
    } else if format.isFramed {
      unsafe try lend(stream.body, try onlyMessage(in: stream.body), body)
    } else {
      unsafe try lend(stream.body, try wholeMessage(stream.body), body)
    }
    stream.dropBody()
    stream.reservedBytes = 0
    session.countReceived(stream)
  }

  /// Where a message lies, and whether it is compressed.
  private struct MessagePlace {
    let range: Range<Int>
    let isCompressed: Bool
  }

  /// The place of a message without a frame.
  private func wholeMessage(_ bytes: [UInt8]) throws(RPCStatus) -> MessagePlace {
    let limit = requestBytesMax
    // The end may have come with the bytes past the limit.
    guard bytes.count <= limit else {
      throw MessageFraming.refusal(.tooLarge(count: bytes.count), byteLimit: limit) ?? .noRoom
    }
    return MessagePlace(range: 0..<bytes.count, isCompressed: requestEncoding == .gzip)
  }

  /// The place of the one message that `bytes` must hold.
  private func onlyMessage(in bytes: [UInt8]) throws(RPCStatus) -> MessagePlace {
    let limit = requestBytesMax
    let front = MessageFraming.front(of: bytes, from: 0, byteLimit: limit, encoding: requestEncoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limit) { throw refusal }
    guard case .message(let count, let isCompressed) = front else {
      guard !bytes.isEmpty else { throw Self.cardinality("The request holds no message; its method takes one.") }
      throw RPCStatus(.internal, "The request ended within its message.")
    }
    guard bytes.count == MessageFraming.prefixBytes + count else { throw Self.tooManyMessages }
    return MessagePlace(
      range: MessageFraming.prefixBytes..<MessageFraming.prefixBytes + count, isCompressed: isCompressed)
  }

  /// Source of the code: gRPC, "Status codes and their use in gRPC", "Request cardinality
  /// violation".
  private static func cardinality(_ message: String) -> RPCStatus { RPCStatus(.unimplemented, message) }

  static var tooManyMessages: RPCStatus {
    cardinality("The request holds more than the one message its method takes.")
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
    let start = stream.bodyOffset + MessageFraming.prefixBytes
    unsafe try lend(stream.body, start..<start + count, isCompressed: isCompressed, reserves: false, body)
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
    _ bytes: [UInt8], _ place: MessagePlace,
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    unsafe try lend(bytes, place.range, isCompressed: place.isCompressed, body)
  }

  /// Lends a message as protobuf, whatever its codec and compression.
  /// - Parameter reserves: Whether an expanded message takes room in the connection's budget: one
  ///   that is kept for the call's life does.
  private func lend(
    _ bytes: [UInt8], _ range: Range<Int>, isCompressed: Bool, reserves: Bool = true,
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    requestWasCompressed = isCompressed
    if isCompressed {
      let expanded = try MessageEncoding.expand(bytes, range, byteLimit: requestBytesMax)
      if reserves { try reserveNow(expanded.count) }
      return unsafe try lendPlain(expanded, 0..<expanded.count, body)
    }
    unsafe try lendPlain(bytes, range, body)
  }

  private func lendPlain(
    _ bytes: [UInt8], _ range: Range<Int>, _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    let limits = connection.limits.decoding
    if format.codec == .json {
      let message = try JSONRequest.protobuf(
        unsafe bytes.span.bytes.extracting(range), method.request, limits, types: connection.server.types)
      return unsafe try decode(message, 0..<message.count, limits, body)
    }
    unsafe try decode(bytes, range, limits, body)
  }

  private func decode(
    _ bytes: [UInt8], _ range: Range<Int>, _ limits: DecodeLimits,
    _ body: (UnsafeRawBufferPointer, DecodeLimits) throws(DecodeError) -> Void
  ) throws(RPCStatus) {
    do throws(DecodeError) {
      let message = unsafe bytes.span.bytes.extracting(range)
      try unsafe message.withUnsafeBytes { message throws(DecodeError) in try unsafe body(message, limits) }
    } catch {
      throw FieldRefusal.status(for: error)
    }
  }
}

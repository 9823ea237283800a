internal import HTTP
public import ProtobufCodec

/// How the messages of a response and its end are sent.
extension ServerContext {
  /// Keeps the response of a call that has exactly one, encoded, until the call ends.
  /// - Throws: `.noRoom` when too much waits for peers already.
  @inlinable
  func setResponse<Response: ProtobufMessage>(_ response: Response) throws(RPCStatus) {
    try setResponse { response.append(to: &$0) }
  }

  @usableFromInline
  func setResponse(_ body: (inout [UInt8]) -> Void) throws(RPCStatus) {
    guard let stream, isOpen else { return }
    try appendMessage(to: &stream.outbound, body)
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
    guard let stream, isOpen else { throw endReason }
    let before = stream.outbound.count
    do throws(RPCStatus) {
      try appendMessage(to: &stream.outbound, encode)
      try admit(stream)
    } catch {
      stream.outbound.removeLast(stream.outbound.count - before)
      if stream.outbound.isEmpty { session.dropOutbound(stream) }
      throw error
    }
    // To make room this connection may have been closed.
    guard isOpen else { throw endReason }
    if call.send() { submitHeaders(stream) }
    sent(stream.outbound.count - before)
    session.resume(stream)
    connection.needsFlush()
    return session.needsDrain(stream)
  }

  /// Suspends until there is room for more of the response.
  /// - Throws: What ended the call, if it ended before.
  @usableFromInline
  func waitForRoom() async throws(RPCStatus) {
    guard call.suspend(for: .room) else { throw endReason }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe writer = continuation
    }
    guard isOpen else { throw endReason }
  }

  // MARK: Messages

  /// Appends a message in the call's format.
  private func appendMessage(to buffer: inout [UInt8], _ body: (inout [UInt8]) -> Void) throws(RPCStatus) {
    let start = buffer.count
    let isCompressed = compressesResponses && responseEncoding == .gzip
    if format.isPlain && !isCompressed {
      return format.isFramed ? MessageFraming.append(to: &buffer, body) : body(&buffer)
    }
    var encode = body
    if format.codec == .json {
      let json = try json(body)
      encode = { $0.append(contentsOf: json) }
    }
    if !format.isFramed {
      isCompressed ? appendCompressed(to: &buffer, encode) : encode(&buffer)
    } else if isCompressed {
      MessageFraming.appendCompressed(to: &buffer, encode)
    } else {
      MessageFraming.append(to: &buffer, encode)
    }
    if format.isText { WebText.encode(&buffer, from: start) }
  }

  private func json(_ body: (inout [UInt8]) -> Void) throws(RPCStatus) -> [UInt8] {
    var message: [UInt8] = []
    body(&message)
    var json: [UInt8] = []
    do throws(DecodeError) {
      try method.response.appendJSON(ofOwn: message, types: connection.server.types, to: &json)
    } catch {
      throw RPCStatus(.internal, "The response cannot be written as JSON: \(error).")
    }
    return json
  }

  /// Appends the one message of a Connect response, compressed as a whole where that makes it
  /// smaller.
  private func appendCompressed(to buffer: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    var plain: [UInt8] = []
    body(&plain)
    if MessageEncoding.compressIfSmaller(plain, appendingTo: &buffer) {
      addInitialMetadata(format.encodingName, "gzip")
    }
  }

  // MARK: The end

  /// Sends the end of the response, whatever has been sent before.
  func finish(_ status: RPCStatus?) {
    guard let stream else { return }
    let isWhole: Bool
    switch call.end() {
    case .ignored: return
    case .whole: isWhole = true
    case .rest: isWhole = false
    }
    defer {
      deadlineTimer = nil
      connection.needsFlush()
    }
    if status != nil { connection.discardInput(of: stream) }
    releaseReservation()
    if isWhole && status == nil { sent(stream.outbound.count) }
    ended(status)
    if isWhole && status != nil { session.dropOutbound(stream) }
    switch format.rpcProtocol {
    case .grpc: finishGRPC(stream, status, isWhole)
    case .grpcWeb, .connectStreaming: finishInBody(stream, status, isWhole)
    case .connectUnary: finishConnect(stream, status)
    }
  }

  /// - Parameter isWhole: Nothing has been sent so far.
  private func finishGRPC(_ stream: HTTPExchange, _ status: RPCStatus?, _ isWhole: Bool) {
    if let status {
      if isWhole && initialMetadata == nil {
        session.submitHeadersOnlyResponse(
          stream,
          StatusTrailers.only(status, format: format, metadata: [trailingMetadata, originFields], to: connection))
      } else {
        // Stock clients take the only header list of a response for its trailers: what handlers
        // send as headers goes in a list of its own.
        if isWhole { submitHeaders(stream) }
        session.finish(stream, trailers: StatusTrailers.fields(status, metadata: [trailingMetadata], to: connection))
      }
      return
    }
    if isWhole { submitHeaders(stream) }
    if let trailingMetadata {
      session.finish(stream, trailers: StatusTrailers.fields(nil, metadata: [trailingMetadata], to: connection))
    } else {
      session.finish(stream, constantTrailers: StatusTrailers.ok)
    }
  }

  /// Ends a response whose status is the last frame of its body: the status reaches callers that
  /// see no trailers.
  private func finishInBody(_ stream: HTTPExchange, _ status: RPCStatus?, _ isWhole: Bool) {
    let start = stream.outbound.count
    if format.rpcProtocol == .grpcWeb {
      WebTrailers.append(status, trailingMetadata, to: &stream.outbound)
      if format.isText { WebText.encode(&stream.outbound, from: start) }
    } else {
      MessageFraming.append(to: &stream.outbound) {
        ConnectError.appendEndOfStream(status, trailingMetadata, to: &$0)
      }
      stream.outbound[start] = MessageFraming.endOfStreamFlag
    }
    if isWhole {
      session.submitWholeResponse(stream, responseFields)
    } else {
      session.finish(stream, trailers: nil)
    }
  }

  private func finishConnect(_ stream: HTTPExchange, _ status: RPCStatus?) {
    guard let status else {
      if initialMetadata == nil, trailingMetadata == nil, originFields == nil, queryMessage == nil {
        return session.submitWholeResponse(stream, constant: StatusTrailers.response(format))
      }
      var fields = responseFields
      if queryMessage != nil { fields.append(name: "vary", value: "accept-encoding") }
      ConnectFields.appendTrailing(trailingMetadata, to: &fields)
      return session.submitWholeResponse(stream, fields)
    }
    // What the message was compressed with does not concern the error.
    StatusResponse.submitConnect(
      status, metadata: initialMetadata?.without("content-encoding"), trailing: trailingMetadata,
      originFields: originFields, on: stream, session)
  }

  private var responseFields: HeaderBlock {
    var fields = StatusTrailers.response(format).block
    if let initialMetadata { fields.append(initialMetadata) }
    if let originFields { fields.append(originFields) }
    return fields
  }

  private func submitHeaders(_ stream: HTTPExchange) {
    if initialMetadata == nil && originFields == nil {
      session.submitResponse(stream, constant: StatusTrailers.response(format))
    } else {
      session.submitResponse(stream, responseFields)
    }
  }
}

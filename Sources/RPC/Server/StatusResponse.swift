internal import HTTP

/// The response of a call that ends before anything was sent, in the call's format.
enum StatusResponse {
  /// Answers a request that becomes no call.
  static func submit(
    _ status: RPCStatus, _ format: CallFormat, metadata: HeaderBlock? = nil, originFields: HeaderBlock?,
    on exchange: HTTPExchange, _ session: any HTTPSession, _ connection: ServerConnection
  ) {
    switch format.rpcProtocol {
    case .grpc:
      session.submitHeadersOnlyResponse(
        exchange, StatusTrailers.only(status, format: format, metadata: [metadata, originFields], to: connection))
    case .connectUnary:
      submitConnect(status, metadata: metadata, trailing: nil, originFields: originFields, on: exchange, session)
    case .grpcWeb, .connectStreaming:
      var fields = StatusTrailers.response(format).block
      if let metadata { fields.append(metadata) }
      if let originFields { fields.append(originFields) }
      if format.rpcProtocol == .grpcWeb {
        WebTrailers.append(status, nil, to: &exchange.outbound)
        if format.isText { WebText.encode(&exchange.outbound, from: 0) }
      } else {
        MessageFraming.append(to: &exchange.outbound) { ConnectError.appendEndOfStream(status, nil, to: &$0) }
        exchange.outbound[0] = MessageFraming.endOfStreamFlag
      }
      session.submitWholeResponse(exchange, fields)
    }
  }

  /// Answers a unary call of Connect: the HTTP status follows from the code, and the body is JSON.
  static func submitConnect(
    _ status: RPCStatus, metadata: HeaderBlock?, trailing: HeaderBlock?, originFields: HeaderBlock?,
    on exchange: HTTPExchange, _ session: any HTTPSession
  ) {
    var fields = HeaderBlock()
    fields.append(name: ":status", value: "\(ConnectError.httpStatus(status.code))")
    fields.append(name: "content-type", value: "application/json")
    if let seconds = ConnectError.retryAfterSeconds(status) {
      fields.append(name: "retry-after", value: "\(seconds)")
    }
    if let metadata { fields.append(metadata) }
    ConnectFields.appendTrailing(trailing, to: &fields)
    if let originFields { fields.append(originFields) }
    ConnectError.append(status, to: &exchange.outbound)
    session.submitWholeResponse(exchange, fields)
  }
}

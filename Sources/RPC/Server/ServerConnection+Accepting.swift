internal import HTTP
internal import ProtobufCodec

/// Why a request becomes no call.
enum RequestRefusal: Error {
  /// By the call's protocol.
  case status(CallFormat, RPCStatus, HeaderBlock?)
  /// By HTTP alone: the request is no call of any protocol. `fields` go with the status.
  case http(Int, HeaderBlock?)
}

/// Which requests become calls.
extension ServerConnection {
  /// - Throws: Why the request becomes no call.
  func accept(
    _ head: borrowing RequestHead, _ exchange: HTTPExchange, _ origin: HeaderBlock?, _ version: HTTPVersion
  ) throws(RequestRefusal) -> AcceptedRequest {
    guard !exchange.headersTooLarge else { throw tooLarge(head) }
    if head.method == .get || head.method == .head { return try acceptGet(head, exchange.headers, origin) }
    guard head.method == .post else { throw notAllowed(head.route) }
    guard let format = head.format else {
      throw head.route == nil ? .http(404, nil) : .http(415, Self.fields("accept-post", CallFormat.accepted))
    }
    guard let route = head.route else {
      let path = exchange.headers.firstValue(":path") ?? ""
      guard format.rpcProtocol != .connectUnary else { throw .http(404, nil) }
      throw .status(format, RPCStatus(.unimplemented, "There is no method \(path)."), nil)
    }
    guard format.carries(route.method.descriptor.kind) else {
      throw .http(415, Self.fields("accept-post", CallFormat.accepted))
    }
    // Text is decoded when the whole of it is there.
    guard !format.isText || route.method.descriptor.kind == .unary || route.method.descriptor.kind == .serverStreaming
    else { throw .status(format, RPCStatus(.unimplemented, "gRPC-Web's text carries no streams of requests."), nil) }
    // Trailers and full duplex are HTTP/2's.
    guard version == .http2 || (format.rpcProtocol != .grpc && route.method.descriptor.kind != .bidirectionalStreaming)
    else { throw .http(505, Self.fields("connection", "close")) }
    guard !format.isConnect || head.isKnownVersion else {
      throw .status(
        format, RuntimeReason.malformedRequest.status(.invalidArgument, "The connect-protocol-version is not 1."), nil)
    }
    return try accept(head, format, head.encoding(of: format), route, origin)
  }

  /// A call by GET, of a method without side effects.
  private func acceptGet(
    _ head: borrowing RequestHead, _ headers: ReceivedHeaders, _ origin: HeaderBlock?
  ) throws(RequestRefusal) -> AcceptedRequest {
    guard let route = head.route else { throw .http(404, nil) }
    guard head.method == .get, route.method.descriptor.isGettable else { throw notAllowed(route) }
    guard head.announcedBytes ?? 0 == 0 else { throw .status(.connectUnary(.proto), ConnectQuery.bodyRefusal, nil) }
    let query: ConnectQuery
    do throws(RPCStatus) { query = try ConnectQuery(path: headers.firstValue(":path") ?? "") } catch {
      throw .status(.connectUnary(.proto), error, nil)
    }
    var request = try accept(head, .connectUnary(query.codec), query.encoding, route, origin)
    request.queryMessage = query.message
    return request
  }

  private func accept(
    _ head: borrowing RequestHead, _ format: CallFormat, _ encoding: MessageEncoding?, _ route: Router.Route,
    _ origin: HeaderBlock?
  ) throws(RequestRefusal) -> AcceptedRequest {
    guard let encoding else {
      throw .status(
        format, RPCStatus(.unimplemented, "The server takes these codings: \(MessageEncoding.accepted)."),
        Self.fields(format.acceptedEncodingsName, MessageEncoding.accepted))
    }
    var timeoutMilliseconds: UInt64?
    switch head.timeout(of: format) {
    case .none: break
    case .milliseconds(let milliseconds): timeoutMilliseconds = milliseconds
    case .malformed:
      throw .status(
        format,
        format.isConnect
          ? RuntimeReason.malformedRequest.status(.invalidArgument, "The connect-timeout-ms is malformed.")
          : RuntimeReason.malformedRequest.status(.internal, "The grpc-timeout is malformed."), nil)
    }
    return AcceptedRequest(
      route: route, format: format, encoding: encoding, originFields: origin,
      timeoutMilliseconds: timeoutMilliseconds, announcedBytes: head.announcedBytes)
  }

  private func tooLarge(_ head: borrowing RequestHead) -> RequestRefusal {
    guard let format = head.format else { return .http(431, nil) }
    return .status(
      format,
      RuntimeReason.headersTooLarge.status(
        .resourceExhausted, "The header list exceeds \(limits.http2.headerListBytesMax) bytes."), nil)
  }

  private func notAllowed(_ route: Router.Route?) -> RequestRefusal {
    .http(405, Self.fields("allow", route?.method.descriptor.isGettable == true ? "GET, POST" : "POST"))
  }

  private static func fields(_ name: String, _ value: String) -> HeaderBlock {
    var fields = HeaderBlock()
    fields.append(name: name, value: value)
    return fields
  }

  // MARK: Answers

  /// Answers a request that becomes no call.
  func refuse(
    _ stream: HTTPExchange, _ head: borrowing RequestHead, _ refusal: RequestRefusal, _ origin: HeaderBlock?,
    _ session: any HTTPSession
  ) {
    discardInput(of: stream)
    switch refusal {
    case .status(let format, let status, let metadata):
      refused(head.route, status)
      StatusResponse.submit(status, format, metadata: metadata, originFields: origin, on: stream, session, self)
    case .http(let httpStatus, let extra):
      refused(httpStatus: httpStatus)
      var fields = HeaderBlock()
      fields.append(name: ":status", value: "\(httpStatus)")
      if let extra { fields.append(extra) }
      if let origin { fields.append(origin) }
      guard head.method != .head else { return session.submitHeadersOnlyResponse(stream, fields) }
      // For people: clients go by the status.
      fields.append(name: "content-type", value: "text/plain")
      stream.outbound = Self.explanation
      session.submitWholeResponse(stream, fields)
    }
  }

  private static let explanation = Array(
    "This server speaks gRPC, gRPC-Web and Connect: POST requests to /SERVICE/METHOD.\n".utf8)
}

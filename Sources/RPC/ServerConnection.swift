internal import EventLoop
internal import HTTP2

/// One client's connection and the calls on it. Loop-confined.
final class ServerConnection: HTTP2ConnectionDelegate {
  let session: HTTP2Session
  // The server's, not copies of them: there may be many idle connections.
  var interceptors: [any ServerInterceptor] { server.interceptors }
  var limits: RPCLimits { server.limits }
  var loop: EventLoop { server.loop }
  var peerAddress: SocketAddress? { connection.peerAddress }
  let connection: HTTP2Connection
  let openedAtMilliseconds: UInt64
  /// When a sweep saw a call last; at first, when the connection was opened.
  var idleSinceMilliseconds: UInt64
  /// Age at which this one is asked to go: not all at once.
  let ageMilliseconds: UInt64
  var departure = Departure.none
  let server: LoopServer
  private var end: ConnectionEnd?
  /// Bytes in the bodies of all streams. Only `account(_:)` changes it.
  private var bufferedRequestBytes = 0

  /// How far the connection is on its way out.
  enum Departure {
    case none
    case announced
    case refusing(sinceMilliseconds: UInt64)
  }

  init(_ connection: HTTP2Connection, server: LoopServer) {
    self.connection = connection
    self.server = server
    session = connection.session
    openedAtMilliseconds = server.loop.nowMilliseconds
    idleSinceMilliseconds = openedAtMilliseconds
    let age = server.limits.connections.ageMilliseconds
    ageMilliseconds = .random(in: age - age / 10...age + age / 10)
    connection.start(delegate: self)
  }

  /// Asks for a write at the end of this turn.
  func needsFlush() { connection.needsFlush() }

  func announceShutdown() { connection.announceShutdown() }

  func refuseNewCalls() { connection.refuseNewStreams() }

  func close(_ end: ConnectionEnd) {
    self.end = end
    connection.close()
  }

  func connectionClosed() { server.connectionClosed(self, end ?? ConnectionEnd(connection.end)) }

  func receivedHeaders(_ stream: HTTP2Stream) {
    let head = RequestHead(stream.headers, router: server.router)
    guard !stream.headersTooLarge else {
      return refuse(
        stream, head, RPCStatus(.resourceExhausted, "The header list exceeds \(limits.http2.headerListBytesMax) bytes.")
      )
    }
    guard head.isPost else { return refuse(stream, httpStatus: 405) }
    guard head.isGRPC else { return refuse(stream, httpStatus: 415) }
    guard let route = head.route else {
      return refuse(
        stream, head, RPCStatus(.unimplemented, "There is no method \(stream.headers.firstValue(":path") ?? "")."))
    }
    guard let encoding = head.encoding else {
      var accepted = HeaderBlock()
      accepted.append(name: "grpc-accept-encoding", value: MessageEncoding.accepted)
      return refuse(
        stream, head, RPCStatus(.unimplemented, "The server takes these codings: \(MessageEncoding.accepted)."),
        accepted)
    }
    var timeoutMilliseconds: UInt64?
    switch head.timeout {
    case .none: break
    case .milliseconds(let milliseconds): timeoutMilliseconds = milliseconds
    case .malformed: return refuse(stream, head, RPCStatus(.internal, "The grpc-timeout is malformed."))
    }
    let call = ServerContext(
      route, stream: stream, connection: self, encoding: encoding, timeoutMilliseconds: timeoutMilliseconds)
    stream.owner = call
    if !call.takesOneRequest || stream.receivedEnd { call.start() }
  }

  func receivedBody(_ stream: HTTP2Stream) {
    guard let call = stream.owner as? ServerContext else { return }
    call.received(stream.body.count - stream.accountedBytes)
    account(stream)
    guard bufferedRequestBytes <= limits.bufferedRequestBytesMax else {
      return call.end(
        RPCStatus(
          .resourceExhausted, "This connection's unread requests exceed \(limits.bufferedRequestBytesMax) bytes."))
    }
    guard call.takesOneRequest else { return call.resumeReader() }
    if stream.receivedEnd { return call.start() }
    let front = MessageFraming.front(
      of: stream.body, from: 0, byteLimit: limits.messageBytesMax, encoding: call.requestEncoding)
    if let refusal = MessageFraming.refusal(front, byteLimit: limits.messageBytesMax) { return call.end(refusal) }
    if case .message(let count, _) = front, stream.body.count > count + MessageFraming.prefixBytes {
      return call.end(RPCStatus(.internal, "The request holds more than the one message its method takes."))
    }
    session.consumeReceived(stream)
  }

  func closed(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    dropBody(of: stream)
    guard let call = stream.owner as? ServerContext else { return }
    stream.owner = nil
    call.streamClosed()
  }

  func drained(_ stream: HTTP2Stream) {
    (stream.owner as? ServerContext)?.resumeWriter()
  }

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

  private func account(_ stream: HTTP2Stream) {
    bufferedRequestBytes += stream.body.count - stream.accountedBytes
    stream.accountedBytes = stream.body.count
  }

  /// The request's bytes were used, or nobody will use them.
  func dropBody(of stream: HTTP2Stream) {
    stream.body.removeAll(keepingCapacity: true)
    account(stream)
  }

  /// The first `count` bytes of the request were used.
  func dropBody(of stream: HTTP2Stream, first count: Int) {
    stream.body.removeFirst(count)
    account(stream)
  }

  /// The answer is decided: what still arrives on the stream is thrown away.
  func discardInput(of stream: HTTP2Stream) {
    stream.discardsInput = true
    session.consumeReceived(stream)
    dropBody(of: stream)
  }

  private func refuse(
    _ stream: HTTP2Stream, _ head: RequestHead, _ status: RPCStatus, _ metadata: HeaderBlock? = nil
  ) {
    refused(head.route, status)
    discardInput(of: stream)
    session.submitHeadersOnlyResponse(stream, StatusTrailers.only(status, metadata: [metadata]))
  }

  private func refuse(_ stream: HTTP2Stream, httpStatus: Int) {
    refused(httpStatus: httpStatus)
    discardInput(of: stream)
    var headers = HeaderBlock()
    headers.append(name: ":status", value: "\(httpStatus)")
    session.submitHeadersOnlyResponse(stream, headers)
  }
}

extension ConnectionEnd {
  init(_ end: HTTP2ConnectionEnd) {
    self =
      switch end {
      case .peerClosed: .peerClosed
      case .finished: .finished
      case .protocolError: .protocolError
      case .flood(.frames): .frameFlood
      case .flood(.resets): .resetFlood
      case .flood(.pings): .pingFlood
      case .tls: .tlsError
      case .closedHere: .shutdown
      }
  }
}

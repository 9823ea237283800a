internal import EventLoop
internal import HTTP

/// One client's connection and the calls on it. Loop-confined.
final class ServerConnection: HTTPConnectionDelegate {
  /// Nil as long as the peer has not shown which version of HTTP it speaks.
  var session: (any HTTPSession)? { connection.session }
  // The server's, not copies of them: there may be many idle connections.
  var limits: RPCLimits { server.limits }
  var loop: EventLoop { server.loop }
  var peerAddress: SocketAddress? { connection.peerAddress }
  let connection: HTTPConnection
  /// What its peer counts as where addresses have limits; nil for a Unix socket's.
  let limitGroup: String?
  let openedAtMilliseconds: UInt64
  /// When a sweep saw a call last; at first, when the connection was opened.
  var idleSinceMilliseconds: UInt64
  /// Age at which this one is asked to go: not all at once.
  let ageMilliseconds: UInt64
  var departure = Departure.none
  let server: LoopServer
  /// Why it is closed, where that is known before it is.
  var end: ConnectionEnd?
  /// What this connection has of the loop's budget; nil before its first large message.
  private var requestShare: LargeMessageBudget.Share?

  /// What the connection holds for its peer.
  var use: BufferUse { session?.use ?? BufferUse() }
  /// Calls that are not over, and requests that become none.
  var openExchangeCount: Int { session?.openExchangeCount ?? 0 }

  /// How far the connection is on its way out.
  enum Departure {
    case none
    case announced
    case refusing(sinceMilliseconds: UInt64)
  }

  init(_ connection: HTTPConnection, limitGroup: String?, server: LoopServer) {
    self.limitGroup = limitGroup
    self.connection = connection
    self.server = server
    openedAtMilliseconds = server.loop.nowMilliseconds
    idleSinceMilliseconds = openedAtMilliseconds
    let age = server.limits.connections.ageMilliseconds
    ageMilliseconds = .random(in: age - age / 10...age + age / 10)
    connection.start(delegate: self)
  }

  /// Asks for a write at the end of this turn.
  func needsFlush() { connection.needsFlush() }

  func announceShutdown() { connection.announceShutdown() }

  func refuseNewCalls() { connection.refuseRequests() }

  func close(_ end: ConnectionEnd) {
    self.end = end
    connection.close()
  }

  func connectionClosed() { server.connectionClosed(self, end ?? ConnectionEnd(connection.end)) }

  func receivedTooMuch() { server.relieveReceived(self) }

  func receivedHeaders(_ stream: HTTPExchange) {
    guard let session else { return }
    let head = RequestHead(stream.headers, router: server.router)
    // Answers to GET are kept by caches, which must know that answers to pages differ.
    let origin =
      head.hasOrigin || head.method == .get ? server.webOrigins.responseFields(for: stream.headers) : nil
    if head.method == .options, let fields = server.webOrigins.preflightFields(for: stream.headers) {
      discardInput(of: stream)
      return session.submitHeadersOnlyResponse(stream, fields)
    }
    if answerResource(stream, head, origin, session) { return }
    do throws(RequestRefusal) {
      let request = try accept(head, stream, origin, session.version)
      let call = ServerContext(request, stream: stream, session: session, connection: self)
      stream.owner = call
      if !call.takesOneRequest || stream.receivedEnd { call.start() } else { call.checkAnnouncedBody() }
    } catch {
      refuse(stream, head, error, origin, session)
    }
  }

  func receivedBody(_ stream: HTTPExchange) { (stream.owner as? ServerContext)?.receivedBody() }

  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    guard let call = stream.owner as? ServerContext else { return }
    stream.owner = nil
    call.streamClosed()
  }

  func drained(_ stream: HTTPExchange) {
    (stream.owner as? ServerContext)?.resumeWriter()
  }

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

  /// Ends every open call.
  /// - Returns: Whether there was one.
  func endCalls(_ status: RPCStatus) -> Bool {
    var calls: [ServerContext] = []
    session?.forEachExchange { stream in
      if let call = stream.owner as? ServerContext, call.isOpen { calls.append(call) }
    }
    for call in calls { call.end(status) }
    return !calls.isEmpty
  }

  /// Asks for room for a message larger than its stream's window.
  func reserve(_ bytes: Int, granted: @escaping () -> Void) -> LargeMessageBudget.Reservation {
    let share = requestShare ?? LargeMessageBudget.Share()
    requestShare = share
    return server.requestBudget.reserve(bytes, for: share, granted: granted)
  }

  /// Room for a message that is here already; nil when there is none.
  func reserveNow(_ bytes: Int) -> LargeMessageBudget.Reservation? {
    let share = requestShare ?? LargeMessageBudget.Share()
    requestShare = share
    return server.requestBudget.reserveNow(bytes, for: share)
  }

  /// The answer is decided: what still arrives on the stream is thrown away.
  func discardInput(of stream: HTTPExchange) {
    stream.discardsInput = true
    session?.consumeReceived(stream)
    stream.dropBody()
    session?.countReceived(stream)
  }
}

extension ConnectionEnd {
  init(_ end: HTTPConnectionEnd) {
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

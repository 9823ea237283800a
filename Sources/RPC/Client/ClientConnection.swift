internal import EventLoop
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import TLS

/// A channel's connection to one address, and the calls on it. Loop-confined.
@safe final class ClientConnection: HTTPConnectionDelegate {
  /// Called when no further calls may be made here.
  weak var connector: ChannelConnector?
  /// When a call was made last, on the loop's clock.
  private(set) var usedAtMilliseconds: UInt64
  private let connection: HTTPConnection
  private let session: any HTTPClientSession
  private let scheme: String
  private let authority: String
  private var establishment: UnsafeContinuation<Void, Never>?
  private var keepaliveTimer: LoopTimer?
  private var keepaliveIsLate = false

  private init(_ connection: HTTPConnection, _ session: any HTTPClientSession, scheme: String, authority: String) {
    self.scheme = scheme
    self.connection = connection
    self.session = session
    self.authority = authority
    usedAtMilliseconds = connection.loop.nowMilliseconds
    connection.start(delegate: self)
  }

  /// Connects, and waits for the server's first SETTINGS. Cancelling the task gives up.
  static func open(
    _ address: SocketAddress, _ version: HTTPVersion, authority: String, host: String, tls: TLSContext?,
    loop: EventLoop
  ) async -> Result<LoopBound<ClientConnection>, RPCStatus> {
    do {
      let socket = try await SocketConnection.connect(loop: loop, to: address)
      let session: any HTTPClientSession =
        switch version {
        case .http1:
          HTTP1ClientSession(resources: HTTPResources(limits: HTTPLimits(), now: { loop.nowMilliseconds }))
        case .http2:
          try HTTP2Session(
            role: .client, resources: HTTP2Resources(limits: HTTPLimits(), now: { loop.nowMilliseconds }))
        }
      let http = HTTPConnection(
        connected: socket, loop: loop, session: session,
        tls: try tls?.connectSession(host: host, requiring: version == .http1 ? .http1 : .http2))
      let connection = ClientConnection(http, session, scheme: tls == nil ? "http" : "https", authority: authority)
      let bound = LoopBound(connection, loop: loop)
      await withTaskCancellationHandler {
        await connection.waitUntilEstablished()
      } onCancel: {
        loop.execute { if !bound.value.isEstablished { bound.value.close() } }
      }
      return connection.isEstablished ? .success(bound) : .failure(connection.closedStatus)
    } catch {
      return .failure(RPCStatus(.unavailable, "\(address): \(error)"))
    }
  }

  private var isEstablished: Bool { session.isEstablished && !connection.isClosed }

  private func waitUntilEstablished() async {
    guard !isEstablished, !connection.isClosed, !Task.isCancelled else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe establishment = continuation
    }
  }

  private func resumeEstablishment() {
    unsafe establishment?.resume()
    unsafe establishment = nil
  }

  var isClosed: Bool { connection.isClosed }

  /// Streams that are not over.
  var openCallCount: Int { session.openExchangeCount }

  /// Ends the connection and all calls on it.
  func close() { connection.close() }

  /// Takes no further calls, and closes once those under way have ended.
  func closeWhenIdle() { connection.refuseRequests() }

  /// Begins a call.
  /// - Returns: nil when the connection takes no more.
  func open(
    _ wire: ClientWire, options: CallOptions, timeoutMilliseconds: UInt64?, owner: ClientCall
  ) -> HTTPExchange? {
    let headers = wire.fields(
      scheme: scheme, authority: authority, options, timeoutMilliseconds: timeoutMilliseconds)
    guard !connection.isClosed, let stream = session.submitRequest(headers) else { return nil }
    usedAtMilliseconds = connection.loop.nowMilliseconds
    stream.owner = owner
    connection.needsFlush()
    return stream
  }

  /// Appends to what a call sends.
  func append(to stream: HTTPExchange, _ body: (inout [UInt8]) -> Void) {
    session.append(to: stream, body)
    connection.needsFlush()
  }

  /// Ends what a call sends.
  func finish(_ stream: HTTPExchange) {
    session.finish(stream, trailers: nil)
    connection.needsFlush()
  }

  /// Whether the writer should wait for `drained` before appending more.
  func needsDrain(_ stream: HTTPExchange) -> Bool { session.needsDrain(stream) }

  /// The first `count` received bytes, by default all, were used: the server may send as many more.
  func consume(_ stream: HTTPExchange, first count: Int = .max) {
    session.consumeReceived(stream, first: count)
    connection.needsFlush()
  }

  /// Gives a call up.
  func cancel(_ stream: HTTPExchange) {
    stream.owner = nil
    stream.discardsInput = true
    session.consumeReceived(stream)
    session.reset(stream, code: .cancel)
    connection.needsFlush()
  }

  /// Pings the server when nothing has come for `quietMilliseconds` although calls are open, and
  /// closes the connection when it does not answer.
  func keepAlive(quietMilliseconds: UInt64, timeoutMilliseconds: UInt64) {
    guard quietMilliseconds > 0, !connection.isClosed else { return }
    let quiet = connection.loop.nowMilliseconds &- connection.receivedAtMilliseconds
    var wait = quietMilliseconds > quiet ? quietMilliseconds - quiet : quietMilliseconds
    if session.pingIsOutstanding, quiet >= timeoutMilliseconds {
      keepaliveIsLate = true
      return connection.close()
    }
    if quiet >= quietMilliseconds, openCallCount > 0 {
      session.submitPing()
      connection.needsFlush()
      wait = timeoutMilliseconds
    }
    keepaliveTimer = connection.loop.schedule(afterMilliseconds: wait) { [unowned self] in
      keepAlive(quietMilliseconds: quietMilliseconds, timeoutMilliseconds: timeoutMilliseconds)
    }
  }

  /// Why calls on a closed connection ended.
  private var closedStatus: RPCStatus {
    if case .tls(let error) = connection.end { return RPCStatus(.unavailable, "\(authority): \(error)") }
    if keepaliveIsLate { return RPCStatus(.unavailable, "\(authority) did not answer a keepalive ping in time.") }
    guard session.isEstablished else {
      return RPCStatus(.unavailable, "\(authority) did not answer the handshake.")
    }
    return .connectionLost(to: authority)
  }

  // MARK: Events

  func established() { resumeEstablishment() }

  func receivedHeaders(_ stream: HTTPExchange) { (stream.owner as? ClientCall)?.receivedHeaders() }

  func receivedBody(_ stream: HTTPExchange) { (stream.owner as? ClientCall)?.receivedBody() }

  func drained(_ stream: HTTPExchange) { (stream.owner as? ClientCall)?.wake() }

  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    guard let call = stream.owner as? ClientCall else { return }
    stream.owner = nil
    if connection.isClosed {
      call.lost(closedStatus, wasSent: stream.isSent)
    } else {
      call.closed(code: code)
    }
  }

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {
    connector?.connectionGoesAway(self, isComplaint: code == .enhanceYourCalm)
  }

  func connectionClosed() {
    keepaliveTimer = nil
    connector?.connectionGoesAway(self, isComplaint: false)
    resumeEstablishment()
  }
}

extension RPCStatus {
  private static let lostPrefix = "The connection to "
  private static let lostSuffix = " was lost."

  /// A connection that was there has ended: the server may have done what it was asked.
  static func connectionLost(to authority: String) -> RPCStatus {
    RPCStatus(.unavailable, lostPrefix + authority + lostSuffix)
  }

  /// This side's word for a connection that was there and has ended before the answer came.
  public var isLostConnection: Bool {
    code == .unavailable && details.isEmpty && message.hasPrefix(Self.lostPrefix) && message.hasSuffix(Self.lostSuffix)
  }
}

internal import EventLoop
internal import HTTP
internal import HTTP2
internal import TLS

/// Why a connection could not be made.
struct ConnectFailure: Error {
  var reason: String
}

/// One connection of a load client and the calls on it: the leanest way from a call to its outcome.
/// Loop-confined.
///
/// There are no retries, no interceptors, no metadata of responses: `RPCChannel` has these, and
/// costs more CPU for each call than the tools that this client is measured by.
@safe final class LoadConnection: HTTPConnectionDelegate {
  private let connection: HTTPConnection
  private let session: HTTP2Session
  private var establishment: UnsafeContinuation<Void, Never>?
  /// Told once that no calls are taken any more.
  var onLeave: (() -> Void)?
  private var isLeaving = false

  private init(_ connection: HTTPConnection, _ session: HTTP2Session) {
    self.connection = connection
    self.session = session
    connection.start(delegate: self)
  }

  /// Connects, and waits for the server's SETTINGS.
  static func open(
    _ server: LoadServer, loop: EventLoop, resources: HTTP2Resources
  ) async -> Result<LoadConnection, ConnectFailure> {
    do {
      let socket = try await SocketConnection.connect(loop: loop, to: server.address)
      let session = try HTTP2Session(role: .client, resources: resources)
      let connection = LoadConnection(
        HTTPConnection(
          connected: socket, loop: loop, session: session, tls: try server.tls?.connectSession(host: server.host)),
        session)
      let timer = loop.schedule(afterMilliseconds: server.connectMilliseconds) { connection.close() }
      await connection.waitUntilEstablished()
      timer.cancel()
      guard connection.isOpen else {
        if case .tls(let error) = connection.connection.end { return .failure(ConnectFailure(reason: "\(error)")) }
        return .failure(ConnectFailure(reason: "it did not answer the handshake"))
      }
      return .success(connection)
    } catch {
      return .failure(ConnectFailure(reason: "\(error)"))
    }
  }

  /// Takes calls.
  var isOpen: Bool { session.isEstablished && !connection.isClosed && !isLeaving }

  var isClosed: Bool { connection.isClosed }

  private func waitUntilEstablished() async {
    guard !session.isEstablished, !connection.isClosed else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe establishment = continuation
    }
  }

  /// Begins a call.
  /// - Parameter request: Appends the encoded request.
  /// - Returns: false when the connection takes no more.
  func begin(
    _ call: LoadCall, _ method: LoadMethod, authorization: [UInt8], atNanoseconds now: UInt64,
    _ request: (inout [UInt8]) -> Void
  ) -> Bool {
    guard !connection.isClosed,
      let stream = session.submitRequest(
        method.template, value: authorization, body: { method.append(to: &$0, request) })
    else { return false }
    call.begin(on: stream, method, atNanoseconds: now)
    connection.needsFlush()
    return true
  }

  /// Gives a call up.
  func cancel(_ call: LoadCall, _ outcome: CallOutcome) {
    guard let stream = call.stream else { return }
    stream.discardsInput = true
    session.consumeReceived(stream)
    session.reset(stream, code: .cancel)
    connection.needsFlush()
    call.end(outcome)
  }

  /// Gives up the calls that began before `nanoseconds`.
  func giveUpCalls(begunBefore nanoseconds: UInt64) {
    var late: [LoadCall] = []
    session.forEachExchange { stream in
      if let call = stream.owner as? LoadCall, call.beganNanoseconds < nanoseconds { late.append(call) }
    }
    for call in late { cancel(call, .failed(.late)) }
  }

  /// Ends the connection and every call on it.
  func close() { connection.close() }

  // MARK: Events

  func established() { resumeEstablishment() }

  private func resumeEstablishment() {
    unsafe establishment?.resume()
    unsafe establishment = nil
  }

  func receivedHeaders(_ stream: HTTPExchange) {}

  func receivedBody(_ stream: HTTPExchange) {
    guard !stream.receivedEnd else { return }
    if let call = stream.owner { unsafe unsafeDowncast(call, to: LoadCall.self).received(stream) }
    session.consumeReceived(stream)
  }

  func drained(_ stream: HTTPExchange) {}

  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    guard let owner = stream.owner else { return }
    let call = unsafe unsafeDowncast(owner, to: LoadCall.self)
    if connection.isClosed {
      call.end(.failed(.lost(wasSent: stream.isSent)))
    } else {
      call.closed(stream, code: code)
    }
  }

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) { leave() }

  func connectionClosed() {
    leave()
    resumeEstablishment()
  }

  private func leave() {
    isLeaving = true
    onLeave?()
    onLeave = nil
  }
}

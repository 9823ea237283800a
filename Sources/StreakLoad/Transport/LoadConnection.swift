internal import EventLoop
internal import HTTP
internal import HTTP2
internal import TLS

/// Why a connection failed.
struct ConnectFailure: Error {
  var reason: String
}

/// One connection of a load client and its calls, with as little overhead as possible.
/// Loop-confined.
///
/// There are no retries, no interceptors, no metadata of responses: `RPCChannel` has these, and
/// costs more CPU per call than the tools that this client is compared with.
@safe final class LoadConnection: HTTPConnectionDelegate {
  private let connection: HTTPConnection
  private let session: HTTP2Session
  private var establishment: UnsafeContinuation<Void, Never>?
  /// Called once, when no more calls are accepted.
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

  /// Whether calls are accepted.
  var isOpen: Bool { session.isEstablished && !connection.isClosed && !isLeaving }

  var isClosed: Bool { connection.isClosed }

  private func waitUntilEstablished() async {
    guard !session.isEstablished, !connection.isClosed else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe establishment = continuation
    }
  }

  /// Starts a call.
  /// - Parameter request: Appends the encoded request.
  /// - Returns: false if the connection accepts no more calls.
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

  /// Cancels a call.
  func cancel(_ call: LoadCall, _ outcome: CallOutcome) {
    guard let stream = call.stream else { return }
    stream.discardsInput = true
    session.consumeReceived(stream)
    session.reset(stream, code: .cancel)
    connection.needsFlush()
    call.end(outcome)
  }

  /// Cancels the calls that started before `nanoseconds`.
  func giveUpCalls(begunBefore nanoseconds: UInt64) {
    var late: [LoadCall] = []
    session.forEachExchange { stream in
      if let call = stream.owner as? LoadCall, call.beganNanoseconds < nanoseconds { late.append(call) }
    }
    for call in late { cancel(call, .failed(.late)) }
  }

  /// Closes the connection and ends every call on it.
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

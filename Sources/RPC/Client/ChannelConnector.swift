internal import EventLoop
internal import TLS

/// Keeps a channel's connection: makes it when a call needs one, and again, with growing waits,
/// when it is gone. Loop-confined.
///
/// One connection at a time is current, and new calls go to it. One that the server asked to leave
/// serves its calls to their end.
final class ChannelConnector {
  private enum State {
    /// No call has needed a connection since the last one.
    case idle
    case connecting
    case ready(ClientConnection)
    /// The last round failed, with this status; the next begins when the wait is over.
    case failing(RPCStatus)
    case closed
  }

  let loop: EventLoop
  let options: ChannelOptions
  private let target: ChannelTarget
  private let tls: TLSContext?
  private var state = State.idle
  private var waiting: [ObjectIdentifier: ClientCall] = [:]
  /// All that are open, the current one included.
  private var connections: [ObjectIdentifier: ClientConnection] = [:]
  private var backoff: ReconnectBackoff
  private var keepaliveMilliseconds: UInt64
  private var connecting: Task<Void, Never>?
  private var idleTimer: LoopTimer?
  var retryThrottle: RetryThrottle

  init(target: ChannelTarget, loop: EventLoop, tls: TLSContext?, options: ChannelOptions) {
    self.target = target
    self.loop = loop
    self.tls = tls
    self.options = options
    retryThrottle = RetryThrottle(tokensMax: options.retryTokensMax)
    keepaliveMilliseconds = options.keepaliveMilliseconds
    backoff = ReconnectBackoff(
      minMilliseconds: options.reconnectMillisecondsMin, maxMilliseconds: options.reconnectMillisecondsMax)
  }

  /// Sends `call` on its way now, or once there is a connection; or ends it.
  func attach(_ call: ClientCall) {
    switch state {
    case .ready(let connection):
      if call.begin(on: connection) { return }
      // Its stream numbers are used up.
      connectionGoesAway(connection, isComplaint: false)
      connection.closeWhenIdle()
      wait(call)
    case .idle, .connecting: wait(call)
    case .failing(let status):
      guard call.waitsForReady else { return call.failed(status) }
      wait(call)
    case .closed: call.failed(RPCStatus(.unavailable, "The channel is closed."))
    }
  }

  /// The call is over, or waits for something else.
  func forget(_ call: ClientCall) { waiting[ObjectIdentifier(call)] = nil }

  private func wait(_ call: ClientCall) {
    waiting[ObjectIdentifier(call)] = call
    guard case .idle = state else { return }
    state = .connecting
    let connector = LoopBound(self, loop: loop)
    connecting = Task(executorPreference: loop) { await connector.value.connect() }
  }

  /// Rounds over all addresses until one answers or no call waits any more.
  private func connect() async {
    while !Task.isCancelled {
      let started = loop.nowMilliseconds
      switch await openFirst() {
      case .success(let connection): return adopt(connection.value)
      case .failure(let status):
        guard !Task.isCancelled else { return }
        state = .failing(status)
        for call in Array(waiting.values) where !call.waitsForReady { call.failed(status) }
        let pause = backoff.nextDelayMilliseconds(random: .random(in: 0..<1))
        let spent = loop.nowMilliseconds &- started
        if spent < pause { await loop.sleep(milliseconds: pause - spent) }
        guard !Task.isCancelled else { return }
        guard !waiting.isEmpty else {
          state = .idle
          return
        }
        state = .connecting
      }
    }
  }

  private func adopt(_ connection: ClientConnection) {
    guard case .connecting = state else { return connection.close() }
    backoff.reset()
    connections[ObjectIdentifier(connection)] = connection
    connection.connector = self
    state = .ready(connection)
    connection.keepAlive(
      quietMilliseconds: keepaliveMilliseconds, timeoutMilliseconds: options.keepaliveTimeoutMilliseconds)
    watchIdleness(of: connection)
    let calls = waiting.values
    waiting.removeAll()
    for call in calls { attach(call) }
  }

  private enum Event: Sendable {
    case opened(Result<LoopBound<ClientConnection>, RPCStatus>)
    case nextAddress
    case tooLate
  }

  /// Looks all names up and tries the addresses one after the other, each with a head start over
  /// the next.
  private func openFirst() async -> Result<LoopBound<ClientConnection>, RPCStatus> {
    var failure = RPCStatus(.unavailable, "\(target) has no address.")
    var candidates: [(address: SocketAddress, endpoint: ChannelTarget.Endpoint)] = []
    for endpoint in target.endpoints {
      do throws(NameError) {
        let addresses =
          if let address = endpoint.address { [address] } else {
            try await loop.addresses(ofHost: endpoint.host, port: endpoint.port)
          }
        candidates += addresses.map { ($0, endpoint) }
      } catch {
        failure = RPCStatus(.unavailable, "\(error)")
      }
    }
    let (loop, tls, options) = (loop, tls, options)
    return await withTaskGroup(of: Event.self) { group in
      func open(_ candidate: (address: SocketAddress, endpoint: ChannelTarget.Endpoint)) {
        let authority = options.serverName ?? candidate.endpoint.authority
        let host = options.serverName ?? candidate.endpoint.host
        group.addTask {
          await .opened(
            ClientConnection.open(
              candidate.address, options.httpVersion, authority: authority, host: host, tls: tls, loop: loop))
        }
        group.addTask {
          await loop.sleep(milliseconds: options.nextAddressMilliseconds)
          return .nextAddress
        }
      }
      group.addTask {
        await loop.sleep(milliseconds: options.connectMilliseconds)
        return .tooLate
      }
      var next = 0
      var openings = 0
      var winner: LoopBound<ClientConnection>?
      func openNext() {
        guard next < candidates.count, winner == nil else { return }
        open(candidates[next])
        next += 1
        openings += 1
      }
      openNext()
      if openings == 0 { group.cancelAll() }
      var isOver = false
      for await event in group {
        switch event {
        case .opened(.success(let connection)):
          openings -= 1
          if winner == nil && !isOver { winner = connection } else { connection.value.close() }
          group.cancelAll()
        case .opened(.failure(let status)):
          openings -= 1
          if !isOver { failure = status }
          openNext()
          if openings == 0 { group.cancelAll() }
        case .nextAddress: if !group.isCancelled { openNext() }
        case .tooLate:
          guard !group.isCancelled else { continue }
          isOver = true
          failure = RPCStatus(
            .unavailable, "\(target) did not answer within \(options.connectMilliseconds) ms.")
          group.cancelAll()
        }
      }
      return winner.map { .success($0) } ?? .failure(failure)
    }
  }

  /// Complaints do not lengthen the time between two pings past an hour.
  static let keepaliveMillisecondsMax: UInt64 = 3_600_000

  /// No further calls on `connection`: the server said so, or it is closed.
  /// - Parameter isComplaint: The server found that the connection was too busy for what it
  ///   carried.
  func connectionGoesAway(_ connection: ClientConnection, isComplaint: Bool) {
    if isComplaint && keepaliveMilliseconds <= Self.keepaliveMillisecondsMax / 2 { keepaliveMilliseconds *= 2 }
    if connection.isClosed { connections[ObjectIdentifier(connection)] = nil }
    guard case .ready(let current) = state, current === connection else { return }
    idleTimer = nil
    state = .idle
  }

  private func watchIdleness(of connection: ClientConnection) {
    guard options.idleMilliseconds > 0 else { return }
    idleTimer = loop.schedule(
      afterMilliseconds: options.idleMilliseconds, repeatMilliseconds: max(1, options.idleMilliseconds / 4)
    ) { [unowned self, unowned connection] in
      let unused = loop.nowMilliseconds &- connection.usedAtMilliseconds
      guard connection.openCallCount == 0, unused >= options.idleMilliseconds else { return }
      connectionGoesAway(connection, isComplaint: false)
      connection.closeWhenIdle()
    }
  }

  /// Ends everything: calls under way end with `.unavailable`, later ones fail at once.
  func close() {
    state = .closed
    connecting?.cancel()
    connecting = nil
    idleTimer = nil
    for connection in Array(connections.values) { connection.close() }
    let status = RPCStatus(.unavailable, "The channel is closed.")
    for call in Array(waiting.values) { call.failed(status) }
    waiting.removeAll()
  }
}

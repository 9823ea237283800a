internal import EventLoop
internal import Glibc
internal import HTTP
internal import HTTP1
internal import HTTP2
internal import ProtobufCodec
internal import TLS

/// One loop's share of a server: its listening socket and its connections. Loop-confined.
final class LoopServer {
  let loop: EventLoop
  let router: Router
  /// What an `Any` may hold where calls are made with JSON.
  let types: MessageTypes
  let limits: RPCLimits
  let resources: HTTP2Resources
  private let http1: HTTP1Resources
  let requestBudget: LargeMessageBudget
  let webOrigins: WebOrigins
  let staticResources: StaticResources
  private let tls: TLSContext?
  private var listener: SocketListener?
  private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
  private var connectionsByGroup: [String: Int] = [:]
  let metrics: LoopMetrics
  /// When streams were ended for room last, on the loop's clock, which stands still for a turn.
  var relievedAtMilliseconds: UInt64 = 0
  private var counters = ConnectionCounters()
  /// Those of listeners that have been stopped.
  private var shortageCount = 0
  private var lagMeter: LoopLagMeter?
  private let heartbeat: LoopHeartbeat
  let observer: (any CallObserver)?
  private var sweeper: LoopTimer?
  private var onEmpty: (() -> Void)?

  init(
    loop: EventLoop, methods: [ServerMethod], interceptors: [any ServerInterceptor], limits: RPCLimits,
    tls: TLSContext?, webOrigins: WebOrigins, staticResources: StaticResources, observer: (any CallObserver)?,
    heartbeat: LoopHeartbeat
  ) {
    self.heartbeat = heartbeat
    self.tls = tls
    self.webOrigins = webOrigins
    self.staticResources = staticResources
    self.observer = observer
    metrics = LoopMetrics(methods)
    self.loop = loop
    router = Router(methods, interceptors: interceptors)
    types = MessageTypes(
      methods.flatMap { [$0.descriptor.request, $0.descriptor.response] } + ConnectError.detailTypes)
    self.limits = limits
    requestBudget = LargeMessageBudget(
      bytesMax: limits.largeRequestBytesPerLoopMax, bytesPerConnectionMax: limits.largeRequestBytesMax)
    resources = HTTP2Resources(limits: limits.http2, now: { loop.nowMilliseconds })
    http1 = HTTP1Resources(
      shared: resources, unixSeconds: { time(nil) },
      answerFields: { webOrigins.responseFields(for: $0) ?? HeaderBlock() })
  }

  /// Starts accepting connections.
  /// - Returns: The address in use, with the port the kernel chose.
  func listen(on address: SocketAddress, _ sockets: SocketReservation? = nil) throws(SocketError) -> SocketAddress {
    start(try SocketListener(loop: loop, address: address, reservation: sockets) { [unowned self] in accept($0) })
  }

  /// Starts accepting connections from a socket that another loop listens on as well.
  func listen(sharing shared: SocketListener.Shared) -> SocketAddress {
    start(SocketListener(loop: loop, sharing: shared) { [unowned self] in accept($0) })
  }

  /// The listening socket, for one more loop; nil when it need not be shared.
  func sharedListener() throws(SocketError) -> SocketListener.Shared? {
    guard let listener, listener.localAddress.isUnix else { return nil }
    return try listener.share()
  }

  private func start(_ listener: SocketListener) -> SocketAddress {
    self.listener = listener
    lagMeter = LoopLagMeter(loop: loop, heartbeat: heartbeat)
    let interval = limits.connections.sweepMilliseconds
    sweeper = loop.schedule(afterMilliseconds: interval, repeatMilliseconds: interval) { [unowned self] in
      let now = loop.nowMilliseconds
      for connection in Array(connections.values) { connection.sweep(atMilliseconds: now) }
    }
    return listener.localAddress
  }

  private func accept(_ socket: SocketConnection) {
    counters.accepted += 1
    // A Unix socket's peers have no address: they are not counted by it.
    let group = socket.peerAddress?.limitGroup
    guard connections.count < limits.connections.connectionsPerLoopMax,
      group.map({ connectionsByGroup[$0, default: 0] }) ?? 0 < limits.connections.connectionsPerAddressMax,
      let encryption = acceptEncryption()
    else {
      counters.refused += 1
      return socket.close()
    }
    counters.open += 1
    if let group { connectionsByGroup[group, default: 0] += 1 }
    let http = HTTPConnection(
      accepted: socket, loop: loop, resources: resources, factory: self, tls: encryption.session)
    let connection = ServerConnection(http, limitGroup: group, server: self)
    connections[ObjectIdentifier(connection)] = connection
  }

  private struct Encryption {
    /// Nil: in cleartext.
    let session: TLSSession?
  }

  /// How an accepted connection is encrypted; nil: there is no memory for it.
  private func acceptEncryption() -> Encryption? {
    guard let tls else { return Encryption(session: nil) }
    guard let session = try? tls.acceptSession() else { return nil }
    return Encryption(session: session)
  }

  func connectionClosed(_ connection: ServerConnection, _ end: ConnectionEnd) {
    connections[ObjectIdentifier(connection)] = nil
    counters.open -= 1
    counters.ended[end, default: 0] += 1
    guard let group = connection.limitGroup else { return emptied() }
    let count = (connectionsByGroup[group] ?? 1) - 1
    connectionsByGroup[group] = count > 0 ? count : nil
    emptied()
  }

  private func emptied() {
    if connections.isEmpty { onEmpty?() }
  }

  /// What this loop has counted.
  var counted: ServerMetrics {
    var counted = metrics.counted
    counted.connections = counters
    counted.connections.shortages = shortageCount + (listener?.shortageCount ?? 0)
    counted.receivedBufferBytes = resources.use.receivedBytes
    counted.sendingBufferBytes = resources.use.sendingBytes
    counted.openStreams = resources.openExchangeCount
    counted.largeRequestBytes = requestBudget.reservedBytes
    counted.largeRequestsWaiting = requestBudget.waitingCount
    if let lagMeter { counted.loopLags = [lagMeter.lag] }
    counted.busyPolls = loop.busyPollCounts
    return counted
  }

  /// Milliseconds between announcing the shutdown and refusing calls: those on their way arrive
  /// meanwhile.
  static let shutdownNoticeMilliseconds: UInt64 = 100

  /// Milliseconds in which callers may take the statuses sent at the end of the grace period.
  static let farewellMilliseconds: UInt64 = 500

  /// Stops accepting, lets open calls end, and closes; what is not done after `graceMilliseconds`
  /// is ended.
  func drain(graceMilliseconds: UInt64) async {
    shortageCount += listener?.shortageCount ?? 0
    listener?.stop()
    listener = nil
    sweeper = nil
    lagMeter = nil
    guard !connections.isEmpty else { return }
    for connection in connections.values { connection.announceShutdown() }
    await loop.sleep(milliseconds: Self.shutdownNoticeMilliseconds)
    for connection in connections.values { connection.refuseNewCalls() }
    guard !connections.isEmpty else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      var farewell: LoopTimer?
      let timer = loop.schedule(afterMilliseconds: graceMilliseconds) { [unowned self] in
        for connection in Array(connections.values) where !connection.endCalls(.stopping) {
          connection.close(.shutdown)
        }
        guard !connections.isEmpty else { return }
        farewell = loop.schedule(afterMilliseconds: Self.farewellMilliseconds) { [unowned self] in
          for connection in Array(connections.values) { connection.close(.shutdown) }
        }
      }
      onEmpty = { [unowned self] in
        timer.cancel()
        farewell?.cancel()
        onEmpty = nil
        unsafe continuation.resume()
      }
    }
  }
}

extension LoopServer: HTTPSessionFactory {
  func makeSession(_ version: HTTPVersion, isSecure: Bool) throws(HTTPError) -> any HTTPSession {
    switch version {
    case .http2: try HTTP2Session(role: .server, resources: resources)
    case .http1: HTTP1Session(resources: http1, isSecure: isSecure)
    }
  }
}

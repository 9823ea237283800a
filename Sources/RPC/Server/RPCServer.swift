public import EventLoop
public import TLS

/// A gRPC server on one or more loops. Every loop has its own listening socket on the same address.
public final class RPCServer: Sendable {
  /// The address in use, with the port the kernel chose.
  public let address: SocketAddress
  private let parts: [LoopBound<LoopServer>]
  private let loops: [EventLoop]
  private let heartbeats: [LoopHeartbeat]

  private init(
    address: SocketAddress, parts: [LoopBound<LoopServer>], loops: [EventLoop], heartbeats: [LoopHeartbeat]
  ) {
    self.heartbeats = heartbeats
    self.address = address
    self.parts = parts
    self.loops = loops
  }

  /// Starts serving.
  /// - Parameters:
  ///   - address: Where to listen; port 0 lets the kernel choose one.
  ///   - sockets: Bound to the address before; nil: it is bound now.
  ///   - loops: At least one; each serves the connections the kernel gives it.
  ///   - tls: A server's context; nil: in cleartext.
  ///   - webOrigins: The pages that may read answers; none by default.
  ///   - resources: What GET and HEAD of other paths are answered with; made once for each loop.
  ///   - methods: Made once for each loop, so that handlers may own loop-confined things.
  ///   - interceptors: Around every call, outermost first; made once for each loop.
  ///   - observer: Receives every call's end, also of those that reach no interceptor.
  public static func start(
    address: SocketAddress, sockets: SocketReservation? = nil, loops: [EventLoop], limits: RPCLimits = RPCLimits(),
    tls: TLSContext? = nil, webOrigins: WebOrigins = WebOrigins(),
    interceptors: @escaping @Sendable (EventLoop) -> [any ServerInterceptor] = { _ in [] },
    observer: (any CallObserver)? = nil,
    resources: @escaping @Sendable (EventLoop) -> StaticResources = { _ in .none },
    methods: @escaping @Sendable (EventLoop) -> [ServerMethod]
  ) async throws(SocketError) -> RPCServer {
    if sockets == nil, address.port != 0 || address.isUnix { try SocketListener.checkIsFree(address) }
    var address = address
    var parts: [LoopBound<LoopServer>] = []
    let heartbeats = loops.map { _ in LoopHeartbeat() }
    for (loop, heartbeat) in zip(loops, heartbeats) {
      let wanted = address
      var shared: SocketListener.Shared?
      if let part = parts.first, let owner = loops.first {
        shared = try await Task(executorPreference: owner) { () -> Result<SocketListener.Shared?, SocketError> in
          do throws(SocketError) { return .success(try part.value.sharedListener()) } catch { return .failure(error) }
        }.value.get()
      }
      let sharedListener = shared
      let outcome = await Task(executorPreference: loop) {
        () -> Result<(SocketAddress, LoopBound<LoopServer>), SocketError> in
        let part = LoopServer(
          loop: loop, methods: methods(loop), interceptors: interceptors(loop), limits: limits, tls: tls,
          webOrigins: webOrigins, staticResources: resources(loop), observer: observer, heartbeat: heartbeat)
        do throws(SocketError) {
          guard let sharedListener else {
            return .success((try part.listen(on: wanted, sockets), LoopBound(part, loop: loop)))
          }
          return .success((part.listen(sharing: sharedListener), LoopBound(part, loop: loop)))
        } catch {
          return .failure(error)
        }
      }.value
      let (used, part) = try outcome.get()
      address = used
      parts.append(part)
    }
    return RPCServer(address: address, parts: parts, loops: loops, heartbeats: heartbeats)
  }

  /// For each loop, how long it has given no sign of life while it serves, in milliseconds. Waits
  /// for none of them: from any thread.
  public var silenceMilliseconds: [UInt64] { heartbeats.map(\.silenceMilliseconds) }

  /// What all loops have counted. Each is asked on its own thread: a loop that is busy answers when
  /// it is done.
  public func metrics() async -> ServerMetrics {
    var sum = ServerMetrics()
    for (part, loop) in zip(parts, loops) {
      sum.add(await Task(executorPreference: loop) { part.value.counted }.value)
    }
    return sum
  }

  /// Stops gracefully: GOAWAY, open calls end, connections close; what is left after
  /// `graceMilliseconds` is cut off.
  public func shutdown(graceMilliseconds: UInt64) async {
    await withTaskGroup(of: Void.self) { group in
      for (part, loop) in zip(parts, loops) {
        group.addTask {
          await Task(executorPreference: loop) { await part.value.drain(graceMilliseconds: graceMilliseconds) }.value
        }
      }
    }
  }
}

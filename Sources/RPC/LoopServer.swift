internal import EventLoop
internal import HTTP2

/// One loop's share of a server: its listening socket and its connections. Loop-confined.
final class LoopServer {
  let loop: EventLoop
  let router: Router
  let interceptors: [any ServerInterceptor]
  let limits: RPCLimits
  let streamPool = HTTP2StreamPool()
  let outputBuffer = HTTP2OutputBuffer()
  private var listener: TCPListener?
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  private var onEmpty: (() -> Void)?

  init(loop: EventLoop, methods: [ServerMethod], interceptors: [any ServerInterceptor], limits: RPCLimits) {
    self.loop = loop
    router = Router(methods)
    self.interceptors = interceptors
    self.limits = limits
  }

  /// Starts accepting connections.
  /// - Returns: The address in use, with the port the kernel chose.
  func listen(on address: SocketAddress) throws(SocketError) -> SocketAddress {
    let listener = try TCPListener(loop: loop, address: address) { [unowned self] socket in
      guard
        let http2 = try? HTTP2Connection(
          role: .server, socket: socket, loop: loop, limits: limits.http2, pool: streamPool, output: outputBuffer)
      else { return socket.close() }
      let connection = ServerConnection(http2, server: self)
      connections[ObjectIdentifier(connection)] = connection
    }
    self.listener = listener
    return listener.localAddress
  }

  func connectionClosed(_ connection: ServerConnection) {
    connections[ObjectIdentifier(connection)] = nil
    if connections.isEmpty { onEmpty?() }
  }

  /// Milliseconds between announcing the shutdown and refusing calls: those on their way arrive meanwhile.
  static let shutdownNoticeMilliseconds: UInt64 = 100

  /// Stops accepting, lets open calls end, and closes; what is not done after `graceMilliseconds` is cut off.
  func drain(graceMilliseconds: UInt64) async {
    listener?.stop()
    listener = nil
    guard !connections.isEmpty else { return }
    for connection in connections.values { connection.announceShutdown() }
    await loop.sleep(milliseconds: Self.shutdownNoticeMilliseconds)
    for connection in connections.values { connection.refuseNewCalls() }
    guard !connections.isEmpty else { return }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let timer = loop.schedule(afterMilliseconds: graceMilliseconds) { [unowned self] in
        for connection in connections.values { connection.close() }
      }
      onEmpty = { [unowned self] in
        timer.cancel()
        onEmpty = nil
        unsafe continuation.resume()
      }
    }
  }
}

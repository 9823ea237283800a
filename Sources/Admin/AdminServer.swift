package import EventLoop
internal import Glibc
internal import HTTP
internal import HTTP1

/// Answers GET of a few paths over HTTP/1.1, one request for each connection.
package final class AdminServer: Sendable {
  /// The address in use, with the port the kernel chose.
  package let address: SocketAddress
  private let loop: EventLoop
  private let part: LoopBound<AdminListener>

  private init(address: SocketAddress, loop: EventLoop, part: LoopBound<AdminListener>) {
    self.address = address
    self.loop = loop
    self.part = part
  }

  /// Starts serving.
  /// - Parameters:
  ///   - sockets: Bound to the address before; nil: it is bound now.
  ///   - hosts: The names under which it may be asked.
  ///   - pages: By path, such as `/metrics`; made anew for each request, on `loop`.
  package static func start(
    address: SocketAddress, sockets: SocketReservation? = nil, loop: EventLoop, hosts: AdminHosts = AdminHosts(),
    pages: [String: @Sendable () async -> AdminPage]
  ) async throws(SocketError) -> AdminServer {
    if sockets == nil, address.port != 0 || address.isUnix { try SocketListener.checkIsFree(address) }
    return try await Task(executorPreference: loop) { () -> Result<AdminServer, SocketError> in
      let listener = AdminListener(loop: loop, hosts: hosts, pages: pages)
      do throws(SocketError) {
        let used = try listener.listen(on: address, sockets)
        return .success(AdminServer(address: used, loop: loop, part: LoopBound(listener, loop: loop)))
      } catch {
        return .failure(error)
      }
    }.value.get()
  }

  /// Stops serving; requests that are not answered are dropped.
  package func close() async {
    await Task(executorPreference: loop) { [part] in part.value.close() }.value
  }
}

/// The listening socket and its connections. Loop-confined.
final class AdminListener: HTTPSessionFactory {
  /// Connections at the same time; one more is closed at once.
  static let connectionsMax = 32
  /// From accepting a connection to the end of its response.
  static let timeoutMilliseconds: UInt64 = 10_000
  /// Bytes of a request's header list.
  static let headerListBytesMax = 8_192

  let loop: EventLoop
  let hosts: AdminHosts
  let resources: HTTPResources
  private let http1: HTTP1Resources
  private let pages: [String: @Sendable () async -> AdminPage]
  private var socket: SocketListener?
  private var connections: [ObjectIdentifier: AdminConnection] = [:]

  init(loop: EventLoop, hosts: AdminHosts, pages: [String: @Sendable () async -> AdminPage]) {
    self.loop = loop
    self.hosts = hosts
    self.pages = pages
    var limits = HTTPLimits()
    limits.headerListBytesMax = Self.headerListBytesMax
    resources = HTTPResources(limits: limits, now: { loop.nowMilliseconds })
    http1 = HTTP1Resources(shared: resources, unixSeconds: { time(nil) })
  }

  /// A session of HTTP/1.1 that closes with its first response.
  func makeSession(_ version: HTTPVersion, isSecure: Bool) throws(HTTPError) -> any HTTPSession {
    guard version == .http1 else { throw .fatal(reason: "the admin pages are not served over HTTP/2") }
    let session = HTTP1Session(resources: http1, isSecure: isSecure)
    session.submitShutdownNotice()
    return session
  }

  func listen(on address: SocketAddress, _ sockets: SocketReservation?) throws(SocketError) -> SocketAddress {
    let socket = try SocketListener(loop: loop, address: address, reservation: sockets) { [unowned self] in accept($0) }
    self.socket = socket
    return socket.localAddress
  }

  func close() {
    socket?.stop()
    socket = nil
    for connection in Array(connections.values) { connection.close() }
  }

  private func accept(_ socket: SocketConnection) {
    guard connections.count < Self.connectionsMax else { return socket.close() }
    let connection = AdminConnection(socket, listener: self)
    connections[ObjectIdentifier(connection)] = connection
    connection.start()
  }

  func closed(_ connection: AdminConnection) { connections[ObjectIdentifier(connection)] = nil }

  func page(_ path: String) async -> AdminPage {
    guard let page = pages[path] else { return AdminPage(.notFound, "There is no page \(path).\n") }
    return await page()
  }
}

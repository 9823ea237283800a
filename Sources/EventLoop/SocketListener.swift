internal import Glibc

/// A listening socket of one loop. Loop-confined.
///
/// Every loop binds the same TCP address with `SO_REUSEPORT`: the kernel spreads connections, and
/// loops do not pass connections on. A Unix socket can be bound only once: the other loops accept
/// from the first loop's socket.
public final class SocketListener {
  /// Connections the kernel keeps before they are accepted.
  static let backlogConnections: Int32 = 4_096
  /// Most connections accepted in one readiness callback, so that a connection storm cannot starve
  /// existing connections.
  static let acceptsPerTurnMax = 64

  /// The address in use, with the port the kernel chose.
  public let localAddress: SocketAddress
  private let descriptor: Int32
  /// The file of a Unix socket, removed when its listener stops; nil for the listeners that share
  /// it.
  private let ownedPath: String?
  private let loop: EventLoop
  private let onAccept: (SocketConnection) -> Void
  private var watcher: DescriptorWatcher?
  /// Runs while the listener waits for descriptors or memory.
  private var pause: LoopTimer?
  private var backoff = ReconnectBackoff(
    minMilliseconds: pauseMillisecondsMin, maxMilliseconds: pauseMillisecondsMax)
  /// How often a waiting connection was not accepted because the process had no descriptor or the
  /// kernel no memory.
  public private(set) var shortageCount = 0

  /// Milliseconds from a shortage to the next accept, doubled with each shortage in a row.
  /// Meanwhile the socket is not watched: it stays readable, and the loop would never sleep.
  static let pauseMillisecondsMin: UInt64 = 10
  static let pauseMillisecondsMax: UInt64 = 500

  /// Binds and starts accepting.
  /// - Parameters:
  ///   - reservation: A socket of it is taken instead, while it has one.
  ///   - onAccept: Receives each new connection, on the loop's thread.
  public init(
    loop: EventLoop, address: SocketAddress, reservation: SocketReservation? = nil,
    onAccept: @escaping (SocketConnection) -> Void
  ) throws(SocketError) {
    loop.preconditionIsCurrent()
    if let reservation, let reserved = reservation.take() {
      (descriptor, localAddress) = (reserved, reservation.address)
    } else {
      (descriptor, localAddress) = try Self.bind(address)
    }
    guard listen(descriptor, Self.backlogConnections) == 0 else {
      let error = SocketError(call: "listen", number: errno)
      close(descriptor)
      throw error
    }
    ownedPath = address.isUnix && reservation?.isShared != true ? address.host : nil
    self.loop = loop
    self.onAccept = onAccept
    watch()
  }

  /// A socket that is bound and does not listen yet, and the address in use.
  static func bind(_ address: SocketAddress) throws(SocketError) -> (descriptor: Int32, SocketAddress) {
    let descriptor = socket(
      address.kernelFamily, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(call: "socket", number: errno) }
    do throws(SocketError) {
      if !address.isUnix {
        try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
        try setOption(descriptor, SOL_SOCKET, SO_REUSEPORT)
      }
      let bound = unsafe address.withKernelForm { address, length in unsafe Glibc.bind(descriptor, address, length) }
      guard bound == 0 else { throw SocketError(call: "bind \(address)", number: errno) }
      // Access for the owner only. No client can connect before listen().
      if address.isUnix, unsafe chmod(address.host, 0o600) != 0 {
        throw SocketError(call: "chmod \(address)", number: errno)
      }
      guard let local = address.isUnix ? address : localAddress(of: descriptor) else {
        throw SocketError(call: "getsockname", number: errno)
      }
      return (descriptor, local)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// A listening socket that loops share.
  public struct Shared: Sendable {
    let address: SocketAddress
    let descriptor: Int32
  }

  /// The socket, for a listener on another loop.
  public func share() throws(SocketError) -> Shared {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard copy >= 0 else { throw SocketError(call: "fcntl", number: errno) }
    return Shared(address: localAddress, descriptor: copy)
  }

  /// Accepts from a socket that another loop listens on as well.
  public init(loop: EventLoop, sharing shared: Shared, onAccept: @escaping (SocketConnection) -> Void) {
    loop.preconditionIsCurrent()
    localAddress = shared.address
    descriptor = shared.descriptor
    ownedPath = nil
    self.loop = loop
    self.onAccept = onAccept
    watch()
  }

  private func watch() {
    watcher = DescriptorWatcher(loop: loop, descriptor: descriptor) { [unowned self] _ in acceptReady() }
    watcher?.wait(for: .readable)
  }

  /// Fails when another socket listens on `address`. `SO_REUSEPORT` alone would let two programs of
  /// one user share a port unnoticed, and each would get some of the connections. The file of a
  /// Unix socket without a listener is removed.
  public static func checkIsFree(_ address: SocketAddress) throws(SocketError) {
    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(address.kernelFamily, Int32(kind), 0)
    guard descriptor >= 0 else { throw SocketError(call: "socket", number: errno) }
    defer { close(descriptor) }
    if address.isUnix {
      let answered = unsafe address.withKernelForm { address, length in unsafe connect(descriptor, address, length) }
      // EAGAIN: the backlog of a listening server is full.
      if answered == 0 || errno == EAGAIN { throw SocketError(call: "bind \(address)", number: EADDRINUSE) }
      // ECONNREFUSED: a socket without a listener, or a file that is no socket. Such a file is not
      // ours to remove: bind() reports it.
      if errno == ECONNREFUSED, Self.isSocket(address.host) { unsafe unlink(address.host) }
      return
    }
    try setOption(descriptor, SOL_SOCKET, SO_REUSEADDR)
    let bound = unsafe address.withKernelForm { address, length in unsafe Glibc.bind(descriptor, address, length) }
    guard bound == 0 else { throw SocketError(call: "bind \(address)", number: errno) }
  }

  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  deinit { stop() }

  /// Stops accepting; connections that exist go on.
  public func stop() {
    guard let watcher else { return }
    watcher.close()
    self.watcher = nil
    pause = nil
    close(descriptor)
    if let ownedPath { unsafe unlink(ownedPath) }
  }

  private func acceptReady() {
    for _ in 0..<Self.acceptsPerTurnMax where watcher != nil {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let accepted = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
        unsafe accept(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
      }
      guard accepted >= 0 else {
        switch errno {
        case EAGAIN: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return waitForRoom()
        // The connection broke before it was accepted.
        default: continue
        }
      }
      backoff.reset()
      _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
      _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
      if !localAddress.isUnix { try? Self.setOption(accepted, Int32(IPPROTO_TCP), TCP_NODELAY) }
      onAccept(
        SocketConnection(owning: accepted, loop: loop, peerAddress: SocketAddress(kernelForm: storage)))
    }
  }

  private func waitForRoom() {
    shortageCount += 1
    watcher?.wait(for: [])
    pause = loop.schedule(afterMilliseconds: backoff.nextDelayMilliseconds(random: .random(in: 0..<1))) {
      [unowned self] in
      pause = nil
      watcher?.wait(for: .readable)
    }
  }

  private static func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32) throws(SocketError) {
    var one: Int32 = 1
    let code = unsafe setsockopt(descriptor, level, name, &one, socklen_t(MemoryLayout<Int32>.size))
    guard code == 0 else { throw SocketError(call: "setsockopt", number: errno) }
  }

  static func localAddress(of descriptor: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe getsockname(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
    }
    return code == 0 ? SocketAddress(kernelForm: storage) : nil
  }
}

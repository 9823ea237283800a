internal import Glibc

/// Listening sockets that a service manager opened and passed to this process. Several processes
/// may hold the same socket: it refuses no connection while one of them is replaced.
///
/// Source: sd_listen_fds(3): descriptors from 3, their number in `LISTEN_FDS`, for the process in
/// `LISTEN_PID`.
public struct InheritedSockets: Sendable {
  /// Most descriptors that are taken.
  public static let countMax = 64
  private static let firstDescriptor: Int32 = 3

  private let sockets: [(address: SocketAddress, descriptor: Int32)]

  /// Takes the sockets, and removes the environment's variables, so that no child process does.
  /// Once, before the process has other threads that read the environment.
  /// - Throws: `SocketError` if a descriptor is no socket with an IP address.
  public init() throws(SocketError) {
    func number(_ name: String) -> Int? {
      guard let text = unsafe getenv(name) else { return nil }
      return unsafe Int(String(cString: text))
    }
    let (count, process) = (number("LISTEN_FDS") ?? 0, number("LISTEN_PID"))
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
    guard process == Int(getpid()), count > 0 else {
      sockets = []
      return
    }
    guard count <= Self.countMax else { throw SocketError(call: "LISTEN_FDS", number: EMFILE) }
    var found: [(address: SocketAddress, descriptor: Int32)] = []
    for descriptor in Self.firstDescriptor..<(Self.firstDescriptor + Int32(count)) {
      let call = "the socket passed as descriptor \(descriptor)"
      guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
        throw SocketError(call: call, number: errno)
      }
      guard let address = SocketListener.localAddress(of: descriptor) else {
        throw SocketError(call: call, number: EAFNOSUPPORT)
      }
      found.append((address, descriptor))
    }
    sockets = found
  }

  /// The addresses of all sockets.
  public var addresses: [SocketAddress] { sockets.map(\.address) }

  /// The sockets of an address; nil: there is none.
  public func reservation(of address: SocketAddress) -> SocketReservation? {
    let descriptors = sockets.filter { $0.address == address }.map(\.descriptor)
    return descriptors.isEmpty ? nil : SocketReservation(sharing: descriptors, of: address)
  }
}

internal import Glibc
internal import Synchronization

/// Sockets that are bound to an address before the process gives its rights away, for listeners
/// that are made later. They refuse connections until then. Any thread.
public final class SocketReservation: Sendable {
  /// The address in use, with the port the kernel chose.
  public let address: SocketAddress
  private let descriptors: Mutex<[Int32]>

  /// Binds the sockets.
  /// - Parameter count: Listeners of one TCP address; a Unix socket has one.
  public init(_ address: SocketAddress, count: Int) throws(SocketError) {
    if address.port != 0 || address.isUnix { try SocketListener.checkIsFree(address) }
    let (first, used) = try SocketListener.bind(address)
    var bound = [first]
    do throws(SocketError) {
      for _ in 1..<(address.isUnix ? 1 : max(1, count)) { bound.append(try SocketListener.bind(used).descriptor) }
    } catch {
      for descriptor in bound { close(descriptor) }
      throw error
    }
    self.address = used
    descriptors = Mutex(bound)
  }

  /// A bound socket, which is the caller's from then on; nil: none is left.
  func take() -> Int32? { descriptors.withLock { $0.popLast() } }

  deinit {
    let rest = descriptors.withLock { $0 }
    for descriptor in rest { close(descriptor) }
    if address.isUnix, !rest.isEmpty { unsafe unlink(address.host) }
  }
}

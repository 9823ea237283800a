internal import Glibc
internal import Synchronization

/// Sockets that are bound to an address before listeners need them: by this process before it gives
/// its rights away, or by a service manager. Any thread.
public final class SocketReservation: Sendable {
  /// The address in use, with the port the kernel chose.
  public let address: SocketAddress
  /// Other processes may hold the same sockets: listeners get copies, as many as they ask for.
  let isShared: Bool
  private let descriptors: Mutex<[Int32]>
  private let taken = Atomic(0)

  /// Binds the sockets. They refuse connections until a listener takes them.
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
    isShared = false
    descriptors = Mutex(bound)
  }

  /// Takes sockets over that other processes may hold as well.
  init(sharing descriptors: [Int32], of address: SocketAddress) {
    self.address = address
    isShared = true
    self.descriptors = Mutex(descriptors)
  }

  /// A socket, which is the caller's from then on; nil: none is left.
  func take() -> Int32? {
    guard isShared else { return descriptors.withLock { $0.popLast() } }
    // The copies in turn, so that each socket has a listener once there are enough of them.
    let number = taken.wrappingAdd(1, ordering: .relaxed).oldValue
    let copy = descriptors.withLock { fcntl($0[number % $0.count], F_DUPFD_CLOEXEC, 0) }
    return copy >= 0 ? copy : nil
  }

  deinit {
    let rest = descriptors.withLock { $0 }
    for descriptor in rest { close(descriptor) }
    if address.isUnix, !rest.isEmpty, !isShared { unsafe unlink(address.host) }
  }
}

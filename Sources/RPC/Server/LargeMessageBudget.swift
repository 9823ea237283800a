/// The bytes that requests larger than their streams' windows may have on their way to one loop,
/// and to each of its connections.
///
/// A message's whole size is set aside before its peer may send more of it than the window that
/// every stream begins with: so every begun message can also end, and none is refused. A message
/// without room waits: on a connection in the order of asking, between connections in turn.
/// Loop-confined.
final class LargeMessageBudget {
  /// Bytes set aside at once, over all connections. One message is let in whatever its size.
  let bytesMax: Int
  /// Bytes set aside at once for one connection; likewise.
  let bytesPerConnectionMax: Int
  private(set) var reservedBytes = 0
  private(set) var waitingCount = 0
  /// Connections with a message that waits and would fit in their own share.
  private var queue: [Share] = []

  /// What one connection has of it.
  final class Share {
    fileprivate(set) var reservedBytes = 0
    fileprivate var waiting: [Reservation] = []
    fileprivate var isQueued = false
  }

  /// One message's place.
  final class Reservation {
    let bytes: Int
    fileprivate let share: Share
    fileprivate let granted: () -> Void
    /// There is room for the message: its peer may send all of it.
    fileprivate(set) var isGranted = false

    fileprivate init(bytes: Int, share: Share, granted: @escaping () -> Void) {
      self.bytes = bytes
      self.share = share
      self.granted = granted
    }
  }

  init(bytesMax: Int, bytesPerConnectionMax: Int) {
    self.bytesMax = bytesMax
    self.bytesPerConnectionMax = bytesPerConnectionMax
  }

  /// Asks for room. To be released, whether it was granted or not.
  /// - Parameter granted: Called once there is room: before this returns, or later.
  func reserve(_ bytes: Int, for share: Share, granted: @escaping () -> Void) -> Reservation {
    let reservation = Reservation(bytes: bytes, share: share, granted: granted)
    share.waiting.append(reservation)
    waitingCount += 1
    enqueue(share)
    grant()
    return reservation
  }

  /// Takes free room at once, ahead of the waiting messages.
  /// - Returns: nil when there is none.
  func reserveNow(_ bytes: Int, for share: Share) -> Reservation? {
    guard Self.fits(bytes, in: bytesPerConnectionMax, beside: share.reservedBytes),
      Self.fits(bytes, in: bytesMax, beside: reservedBytes)
    else { return nil }
    let reservation = Reservation(bytes: bytes, share: share) {}
    share.reservedBytes += bytes
    reservedBytes += bytes
    reservation.isGranted = true
    return reservation
  }

  /// The message was used, or is not sent or used any more.
  func release(_ reservation: Reservation) {
    let share = reservation.share
    if reservation.isGranted {
      reservedBytes -= reservation.bytes
      share.reservedBytes -= reservation.bytes
    } else {
      share.waiting.removeAll { $0 === reservation }
      waitingCount -= 1
    }
    enqueue(share)
    grant()
  }

  private func enqueue(_ share: Share) {
    guard !share.isQueued, !share.waiting.isEmpty else { return }
    share.isQueued = true
    queue.append(share)
  }

  private func grant() {
    while let share = queue.first {
      guard let next = share.waiting.first,
        Self.fits(next.bytes, in: bytesPerConnectionMax, beside: share.reservedBytes)
      else {
        // It comes back when something of its own is released.
        queue.removeFirst()
        share.isQueued = false
        continue
      }
      guard Self.fits(next.bytes, in: bytesMax, beside: reservedBytes) else { return }
      queue.removeFirst()
      queue.append(share)
      share.waiting.removeFirst()
      waitingCount -= 1
      share.reservedBytes += next.bytes
      reservedBytes += next.bytes
      next.isGranted = true
      next.granted()
    }
  }

  private static func fits(_ bytes: Int, in bytesMax: Int, beside reserved: Int) -> Bool {
    reserved == 0 || bytes <= bytesMax - reserved
  }
}

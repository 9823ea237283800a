public import EventLoop
internal import Postgres
public import StreakDomain

/// A notification from other servers through the database.
public enum StoreEvent: Sendable {
  /// A user's credentials were revoked.
  case revocation(Identifier)
  /// A user's data has changed.
  case change(ChangeHint)
  /// All notifications are received from now on; earlier ones may have been lost.
  case listening
}

/// Receives the notifications of other servers, and of this one, through the database. Belongs to
/// one loop; closed with `close()`.
public final class StoreListener: Sendable {
  private let listener: LoopBound<NotificationListener>
  private let loop: EventLoop
  private let board: HintBoard
  private let boardNumber: Int

  /// Starts listening. Loop thread only.
  ///
  /// - Parameter onEvent: Called on the loop's thread.
  init(loop: EventLoop, store: StreakStore, onEvent: @escaping (StoreEvent) -> Void) {
    self.loop = loop
    board = store.hintBoard
    boardNumber = board.add(on: loop) { onEvent(.change($0)) }
    let readPresence = { Task(executorPreference: loop) { await store.readWatchPresence() } }
    let serverID = store.serverID
    var configuration = store.configuration
    // Hints need not survive a crash, and wait for no disk and no standby.
    configuration.serverSettings.append((name: "synchronous_commit", value: "off"))
    let listener = NotificationListener(
      loop: loop, configuration: configuration,
      channels: [StreakStore.revocationChannel, ChangeHint.channel, WatchPresence.channel]
    ) { event in
      switch event {
      case .listening:
        _ = readPresence()
        onEvent(.listening)
      // Notifications that are lost from now on are compensated by the next `.listening`.
      case .interrupted: break
      case .notification(let notification) where notification.channel == ChangeHint.channel:
        for hint in HintRelay.hints(in: notification.payload, receiver: serverID) { onEvent(.change(hint)) }
      case .notification(let notification) where notification.channel == WatchPresence.channel:
        _ = readPresence()
      case .notification(let notification):
        guard let userID = Identifier(hexadecimal: notification.payload) else { return }
        onEvent(.revocation(userID))
      }
    }
    self.listener = LoopBound(listener, loop: loop)
    store.hints.listener = listener
  }

  deinit { board.remove(boardNumber) }

  /// Stops listening. Any thread.
  public func close() async {
    board.remove(boardNumber)
    let listener = listener
    await Task(executorPreference: loop) { listener.value.close() }.value
  }
}

extension StreakStore {
  /// Listens on the caller's loop.
  public func listen(on loop: EventLoop, _ onEvent: @escaping (StoreEvent) -> Void) -> StoreListener {
    StoreListener(loop: loop, store: self, onEvent: onEvent)
  }
}

public import EventLoop
internal import Postgres
public import struct StreakDomain.Identifier

/// Hears of revoked credentials, from whichever server revoked them. Belongs to one loop; closed with `close()`.
public final class RevocationListener: Sendable {
  private let listener: LoopBound<NotificationListener>
  private let loop: EventLoop

  /// Starts listening. Loop thread only.
  ///
  /// - Parameter onRevocation: Called on the loop's thread with whose credentials were revoked; with nil when some may have gone unheard.
  init(loop: EventLoop, configuration: PostgresConfiguration, onRevocation: @escaping (Identifier?) -> Void) {
    self.loop = loop
    let listener = NotificationListener(
      loop: loop, configuration: configuration, channels: [StreakStore.revocationChannel]
    ) { event in
      switch event {
      // What was sent before this moment went unheard.
      case .listening: onRevocation(nil)
      // What is sent from now on is made up for by the next `.listening`.
      case .interrupted: break
      case .notification(let notification): onRevocation(Identifier(hexadecimal: notification.payload))
      }
    }
    self.listener = LoopBound(listener, loop: loop)
  }

  /// Stops listening. Any thread.
  public func close() async {
    let listener = listener
    await Task(executorPreference: loop) { listener.value.close() }.value
  }
}

extension StreakStore {
  /// Listens for revocations on the loop that the caller is on.
  public func listenForRevocations(
    on loop: EventLoop, _ onRevocation: @escaping (Identifier?) -> Void
  ) -> RevocationListener {
    RevocationListener(loop: loop, configuration: configuration, onRevocation: onRevocation)
  }
}

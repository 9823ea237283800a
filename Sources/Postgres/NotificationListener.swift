public import EventLoop

/// Listens on channels over a connection of its own until it is closed. Loop-confined.
///
/// Notifications sent while it is not connected are lost; after `.listening` the owner must read
/// the tables instead.
public final class NotificationListener {
  /// An event of a listener.
  public enum Event: Sendable {
    /// All channels are listened to from now on, for the first time or again. Earlier notifications
    /// may have been lost.
    case listening
    case notification(PostgresNotification)
    /// The connection failed or broke; the listener connects again.
    case interrupted(reason: String)
  }

  private let loop: EventLoop
  private let configuration: PostgresConfiguration
  private let listenStatements: [BoundStatement]
  private let onEvent: (Event) -> Void
  private var randomness: AnyRandomness
  private var backoff: ReconnectBackoff
  private var connection: PostgresConnection?
  private var retryTimer: LoopTimer?
  private var staleTimer: LoopTimer?
  private var isClosed = false

  /// Starts connecting.
  /// - Parameters:
  ///   - channels: Names as NOTIFY uses them, at most 63 bytes each, case kept.
  ///   - onEvent: Called on the loop's thread.
  public init(
    loop: EventLoop, configuration: PostgresConfiguration, channels: [String],
    randomness: any RandomNumberGenerator = SystemRandomNumberGenerator(), onEvent: @escaping (Event) -> Void
  ) {
    loop.preconditionIsCurrent()
    self.loop = loop
    self.configuration = configuration
    self.onEvent = onEvent
    self.randomness = AnyRandomness(randomness)
    listenStatements = channels.map { channel in
      precondition((1...63).contains(channel.utf8.count) && !channel.utf8.contains(0), "not a channel name")
      let quoted = channel.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      return BoundStatement(statement: Statement(unprepared: "listen \"\(quoted)\""), parameters: [])
    }
    backoff = ReconnectBackoff(
      minMilliseconds: configuration.reconnectDelayMinMilliseconds,
      maxMilliseconds: configuration.reconnectDelayMaxMilliseconds)
    staleTimer = loop.schedule(
      afterMilliseconds: Self.staleCheckMilliseconds, repeatMilliseconds: Self.staleCheckMilliseconds
    ) { [unowned self] in
      guard let connection, connection.isReady, connection.isStale else { return }
      connection.fail("another database is in use now")
    }
    connect()
  }

  /// Milliseconds between checks that the connection still leads to the database in use.
  private static let staleCheckMilliseconds: UInt64 = 1_000

  deinit { close() }

  /// Stops listening; no event follows.
  public func close() {
    isClosed = true
    for timer in [retryTimer, staleTimer] { timer?.cancel() }
    (retryTimer, staleTimer) = (nil, nil)
    connection?.close()
    connection = nil
  }

  private func connect() {
    retryTimer = nil
    let connection = PostgresConnection(loop: loop, configuration: configuration, owner: self)
    self.connection = connection
    connection.start()
  }
}

extension NotificationListener: PostgresConnectionOwner {
  func connectionBecameReady(_ connection: PostgresConnection) {
    connection.submit(DatabaseWork(.write, steps: listenStatements, deadlineMilliseconds: .max))
  }

  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork]
  ) {
    guard !isClosed else { return }
    self.connection = nil
    let delay = backoff.nextDelayMilliseconds(using: &randomness)
    retryTimer = loop.schedule(afterMilliseconds: delay) { [unowned self] in connect() }
    onEvent(.interrupted(reason: reason))
  }

  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment) {
    if let failure = segment.failure { return connection.fail("LISTEN: \(failure.error)") }
    backoff.reset()
    onEvent(.listening)
  }

  func connection(_ connection: PostgresConnection, received notification: PostgresNotification) {
    onEvent(.notification(notification))
  }

  func connection(_ connection: PostgresConnection, receivedNotice text: String) {}
}

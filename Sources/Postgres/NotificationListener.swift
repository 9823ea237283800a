public import EventLoop

/// Listens on channels over a connection of its own until it is closed, and sends notifications
/// over it. Loop-confined.
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
  /// The running LISTEN; nil once all channels are listened to.
  private var listening: DatabaseWork?
  /// The running `notify(_:_:)`.
  private var sending: DatabaseWork?
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
      guard let connection, connection.isReady else { return }
      if connection.isStale { return connection.fail("another database is in use now") }
      connection.checkSilence(nowMilliseconds: loop.nowMilliseconds)
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

  private static let notifications = Statement(.write, "SELECT pg_notify($1, p) FROM unnest($2::text[]) AS p")

  /// Sends notifications, each payload one, in a transaction of their own that is not waited for.
  /// They are lost if the connection breaks, or the server refuses them.
  ///
  /// - Returns: False if nothing was sent: earlier ones are on their way, or the channels are not
  ///   listened to.
  public func notify(_ channel: String, _ payloads: [String]) -> Bool {
    guard let connection, connection.isReady, listening == nil, sending == nil else { return false }
    let step = BoundStatement(Self.notifications, .string(channel), .stringArray(payloads))
    let work = DatabaseWork(.write, steps: [step], deadlineMilliseconds: .max)
    sending = work
    connection.submit(work)
    if work.isFinished { sending = nil }
    return true
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
    let work = DatabaseWork(.write, steps: listenStatements, deadlineMilliseconds: .max)
    listening = work
    connection.submit(work)
  }

  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork]
  ) {
    guard !isClosed else { return }
    self.connection = nil
    (listening, sending) = (nil, nil)
    let delay = backoff.nextDelayMilliseconds(random: .random(in: 0..<1, using: &randomness))
    retryTimer = loop.schedule(afterMilliseconds: delay) { [unowned self] in connect() }
    onEvent(.interrupted(reason: reason))
  }

  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment) {
    for work in segment.works { work.finish(segment.failure?.error) }
    if let sent = sending, segment.works.contains(where: { $0 === sent }) { return sending = nil }
    if let failure = segment.failure { return connection.fail("LISTEN: \(failure.error)") }
    listening = nil
    backoff.reset()
    onEvent(.listening)
  }

  func connection(_ connection: PostgresConnection, received notification: PostgresNotification) {
    onEvent(.notification(notification))
  }

  func connection(_ connection: PostgresConnection, receivedNotice text: String) {}
}

internal import Cryptography
public import StreakDomain

/// An app's client of the service. Every function works at once, without a server, and its changes
/// are stored before it returns. Accounts and sync are optional.
///
/// Several clients, also in several processes, may share a storage.
public actor StreakClient {
  /// The person's name for this device, its system and the app's version.
  public struct DeviceDescription: Sendable {
    public var name: String
    public var platform: String
    public var appVersion: String
    /// The person's language, a BCP 47 tag such as `de-AT`: mails are written in it, where
    /// possible.
    public var language: String

    public init(name: String, platform: String = "", appVersion: String = "", language: String = "") {
      self.name = name
      self.platform = platform
      self.appVersion = appVersion
      self.language = language
    }
  }

  /// Most unread events; older ones are dropped. Events that the person has to see are in the
  /// storage and can be listed.
  public static let eventsMax = 1_000

  let store: ClientStore
  let network: (any StreakNetwork)?
  let clock: any ClientClock
  let device: DeviceDescription
  /// Wakes the sync loop, and the loop of the hint stream.
  let syncAlarm = Alarm()
  let watchAlarm = Alarm()
  var schedule: SyncSchedule
  var isSyncing = false
  /// The last sync of `run` failed.
  var hasFailed = false
  var syncWaiters: [CheckedContinuation<Void, Never>] = []
  /// The open hint stream and its account.
  var watching: (userID: Identifier, stream: any ResponseStream)?
  private var subscribers: [Int: AsyncStream<ClientEvent>.Continuation] = [:]
  private var nextSubscriber = 0

  /// - Parameter network: Nil: the client works without a server.
  public init(
    storage: any ClientStorage, network: (any StreakNetwork)? = nil, clock: any ClientClock = SystemClock(),
    device: DeviceDescription = DeviceDescription(name: "")
  ) {
    store = ClientStore(storage)
    self.network = network
    self.clock = clock
    self.device = device
    schedule = SyncSchedule(now: clock.monotonicMilliseconds, random: .random(in: 0..<1))
  }

  // MARK: Events

  /// Events for the person: first the unacknowledged ones, then new ones. Each call returns a
  /// sequence of its own.
  public func events() throws(ClientError) -> AsyncStream<ClientEvent> {
    let waiting = try store.read { state throws(ClientError) -> [ClientEvent] in
      guard let account = state.current.flatMap({ state.accounts[$0] }) else { return [] }
      return account.replica.notices.sorted { $0.value.version < $1.value.version }.map {
        .notice(id: $0.key, $0.value)
      }
        + account.replica.rejected.map { .rejected($0.operation, $0.reason) }
    }
    let (stream, continuation) = AsyncStream.makeStream(
      of: ClientEvent.self, bufferingPolicy: .bufferingNewest(Self.eventsMax))
    for event in waiting { continuation.yield(event) }
    let number = nextSubscriber
    nextSubscriber += 1
    subscribers[number] = continuation
    continuation.onTermination = { [weak self] _ in Task { await self?.unsubscribe(number) } }
    return stream
  }

  private func unsubscribe(_ number: Int) { subscribers[number] = nil }

  func publish(_ event: ClientEvent) {
    for subscriber in subscribers.values { subscriber.yield(event) }
  }

  /// Unacknowledged conflicts and recomputed streaks, by id.
  public func notices() throws(ClientError) -> [Identifier: Notice] {
    try store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }?.replica.notices ?? [:]
    }
  }

  /// Rejected operations that the person has not acknowledged.
  public func rejectedOperations() throws(ClientError) -> [DeviceReplica.Rejected] {
    try store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }?.replica.rejected ?? []
    }
  }

  /// The person has seen a notice. The server learns it with the next sync; other devices go on
  /// showing the notice.
  public func acknowledge(_ noticeID: Identifier) throws(ClientError) {
    try changeCurrent { account in
      account.replica.forgetNotice(noticeID)
      account.acknowledgements[noticeID] = false
    }
    wake()
  }

  /// The person has seen that an operation was rejected.
  public func acknowledgeRejected(_ operation: Operation) throws(ClientError) {
    try changeCurrent { $0.replica.forgetRejected(operation.time) }
  }

  /// Resolves a conflict: true takes the losing value, false confirms the winning one. The choice
  /// is shown at once, also without a server.
  public func resolve(_ noticeID: Identifier, takingLosing: Bool) throws(ClientError) {
    let now = clock.now
    try changeCurrent { account in
      guard let notice = account.replica.notices[noticeID] else { return }
      let dayStart = account.replica.shownDayStartMinutes
      let moment = notice.day.map { clientTime(on: $0, now: now, dayStartMinutes: dayStart) }
      let statement = notice.statement(
        takingLosing: takingLosing, clientTime: moment, fields: account.replica.shownHabits[notice.habitID])
      guard let statement else { return }
      account.replica.make(
        .resolveConflict(.init(noticeID: noticeID, takesLosing: takingLosing, statement: statement)), at: now)
    }
    wake()
  }

  private func changeCurrent(_ body: (inout ClientAccount) -> Void) throws(ClientError) {
    try store.change { state throws(ClientError) in
      guard let userID = state.current else { throw .notPossible("No account is signed in.") }
      _ = state.changeAccount(userID, body)
    }
  }

  /// Wakes the sync loop, because operations wait to be sent.
  func wake() {
    schedule.wake(now: clock.monotonicMilliseconds)
    syncAlarm.ring()
  }
}

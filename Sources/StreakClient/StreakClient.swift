internal import Cryptography
public import StreakDomain

/// An app's side of the service: everything works at once, without a server, and is kept before a
/// call returns; accounts and sync come when the person wants them.
///
/// Several clients, also in several processes, may share a storage.
public actor StreakClient {
  /// What the person calls this device, its system and the app's version.
  public struct DeviceDescription: Sendable {
    public var name: String
    public var platform: String
    public var appVersion: String

    public init(name: String, platform: String = "", appVersion: String = "") {
      self.name = name
      self.platform = platform
      self.appVersion = appVersion
    }
  }

  /// Events that a slow reader may leave unread; earlier ones go. What needs the person's eye is in
  /// the storage and can be listed.
  public static let eventsMax = 1_000

  let store: ClientStore
  let network: (any StreakNetwork)?
  let clock: any ClientClock
  let device: DeviceDescription
  /// Wakes the loop that syncs, and the one that watches.
  let syncAlarm = Alarm()
  let watchAlarm = Alarm()
  var schedule: SyncSchedule
  var isSyncing = false
  /// The last sync of `run` failed.
  var hasFailed = false
  var syncWaiters: [CheckedContinuation<Void, Never>] = []
  /// The stream of hints that is open, and whose.
  var watching: (userID: Identifier, stream: any ResponseStream)?
  private var subscribers: [Int: AsyncStream<ClientEvent>.Continuation] = [:]
  private var nextSubscriber = 0

  /// - Parameter network: Nil: this client never speaks to a server.
  public init(
    storage: any ClientStorage, network: (any StreakNetwork)? = nil, clock: any ClientClock = SystemClock(),
    device: DeviceDescription = DeviceDescription(name: "")
  ) {
    store = ClientStore(storage)
    self.network = network
    self.clock = clock
    self.device = device
    var random = SystemRandomNumberGenerator()
    schedule = SyncSchedule(now: clock.monotonicMilliseconds, using: &random)
  }

  // MARK: Events

  /// What the person should see: first what waits for an acknowledgement, then what comes. Each
  /// call gives a sequence of its own.
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

  func tell(_ event: ClientEvent) {
    for subscriber in subscribers.values { subscriber.yield(event) }
  }

  /// Conflicts and healed streaks that the person has not acknowledged, by id.
  public func notices() throws(ClientError) -> [Identifier: Notice] {
    try store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }?.replica.notices ?? [:]
    }
  }

  /// Operations that were rejected and that the person has not acknowledged.
  public func rejectedOperations() throws(ClientError) -> [DeviceReplica.Rejected] {
    try store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }?.replica.rejected ?? []
    }
  }

  /// The person has seen a notice. The server is told with the next sync; other devices go on
  /// showing it.
  public func acknowledge(_ noticeID: Identifier) throws(ClientError) {
    try changeCurrent { account in
      account.replica.forgetNotice(noticeID)
      account.acknowledgements.insert(noticeID)
    }
    wake()
  }

  /// The person has seen that an operation was rejected.
  public func acknowledgeRejected(_ operation: Operation) throws(ClientError) {
    try changeCurrent { $0.replica.forgetRejected(operation.time) }
  }

  /// Picks a side of a conflict: true takes the value that was not kept, false confirms the one
  /// that holds. It is stated as a person would state it who had seen no conflict.
  public func resolve(_ noticeID: Identifier, takingOther: Bool) throws(ClientError) {
    let now = clock.now
    try changeCurrent { account in
      guard let notice = account.replica.notices[noticeID] else { return }
      let dayStart = account.replica.shownDayStartMinutes
      let moment = notice.day.map { made(on: $0, now: now, dayStartMinutes: dayStart) }
      let change = notice.statement(
        takingOther: takingOther, made: moment, fields: account.replica.shownHabits[notice.habitID])
      if let change { account.replica.make(change, at: now) }
    }
    wake()
  }

  private func changeCurrent(_ body: (inout ClientAccount) -> Void) throws(ClientError) {
    try store.change { state throws(ClientError) in
      guard let userID = state.current else { throw .notPossible("Nobody is signed in.") }
      _ = state.changeAccount(userID, body)
    }
  }

  /// There is something to send.
  func wake() {
    schedule.wake(now: clock.monotonicMilliseconds)
    syncAlarm.ring()
  }
}

extension Notice {
  /// The statement that settles a conflict; nil if there is nothing to state.
  ///
  /// Not `ResolveConflict`, which needs the conflict to be there: a server that lost it, and gets
  /// the statements again, may not have it yet.
  /// - Parameters:
  ///   - made: The moment that stands for the conflict's day.
  ///   - fields: The habit as the person sees it; nil: it is deleted.
  func statement(takingOther: Bool, made: ClientTime?, fields: HabitFields?) -> Operation.Change? {
    let value = takingOther ? other : kept
    switch kind {
    case .noteConflict:
      guard let day, let made else { return nil }
      return .setNote(Operation.Note(habitID: habitID, day: day, text: value, made: made))
    case .doneConflict:
      guard let day, let made else { return nil }
      return .setCompletion(Operation.Completion(habitID: habitID, day: day, done: value == "true", made: made))
    case .fieldConflict:
      guard let field, var fields else { return nil }
      fields.set(field, text: value)
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: fields, changed: [field]))
    case .deletionConflict where takingOther: return .deleteHabit(habitID)
    case .deletionConflict:
      guard let fields else { return nil }
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: fields, changed: [.archived]))
    case .streakHealed: return nil
    }
  }
}

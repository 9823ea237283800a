@testable import StreakDomain
@testable import StreakStore

/// A database in memory for the attempts of changes. Every statement waits twice: before it takes
/// effect, and before its answer. The simulation decides which one goes on, and how. On one loop.
final class SimulatedDatabase {
  /// One user's rows.
  struct StoredUser {
    /// Everything that is stored, without changes.
    var ledger: PersonLedger
    var outcomes: [OperationKey: StoredOutcome] = [:]
  }

  /// What becomes of a statement that waits.
  enum Fate {
    case goesOn
    /// The link breaks: without effect, and known to be.
    case isRefused
    /// The link breaks: whether it took effect is not known.
    case isLost
    /// A deadlock, or a violated key: without effect, and another attempt may succeed.
    case collides
  }

  /// A statement that waits.
  struct Waiting {
    enum Kind {
      case load
      case store
      case lock
      case commit
      /// The answer to what has changed nothing.
      case readAnswer
      /// The answer to what took effect.
      case writeAnswer
    }
    let kind: Kind
    let users: [Identifier]
    /// The one that sent it: one for each batcher.
    let client: Int
    /// The transaction that it belongs to; 0: one of its own.
    let transaction: Int
    let continuation: CheckedContinuation<Fate, Never>

    /// The fates that are possible.
    var fates: [Fate] {
      switch kind {
      case .load, .lock: [.isRefused, .collides]
      case .readAnswer: [.isRefused]
      case .store: transaction == 0 ? [.isRefused, .isLost, .collides] : [.isRefused, .collides]
      case .commit: [.isRefused, .isLost]
      case .writeAnswer: [.isLost]
      }
    }
  }

  var users: [Identifier: StoredUser] = [:]
  var epoch = Epoch(number: 1)
  private(set) var waiting: [Waiting] = []
  /// The transaction that locks a user's row.
  private(set) var locks: [Identifier: Int] = [:]
  private var transactionCount = 0
  /// No statement waits.
  var answersAtOnce = false
  /// Calls that no statement can store.
  var isFaulty: (ChangeRequest) -> Bool = { _ in false }
  /// Called when a user's changes take effect.
  var onStored: (_ user: PendingUser, _ client: Int) -> Void = { _, _ in }
  /// Called when a user's changes do not, because another change came first.
  var onConflict: (_ user: PendingUser, _ client: Int) -> Void = { _, _ in }
  var onViolation: (String) -> Void = { _ in }

  // MARK: For the simulation

  /// Whether the statement's effect is possible now.
  func isBlocked(_ statement: Waiting) -> Bool {
    guard statement.kind == .store || statement.kind == .lock else { return false }
    return statement.users.contains { locks[$0].map { $0 != statement.transaction } ?? false }
  }

  func resume(_ place: Int, _ fate: Fate) { waiting.remove(at: place).continuation.resume(returning: fate) }

  /// Another program locks a row.
  func lock(_ userID: Identifier) -> Int {
    transactionCount += 1
    locks[userID] = transactionCount
    return transactionCount
  }

  func unlock(_ userID: Identifier) { locks[userID] = nil }

  // MARK: Statements

  private func wait(
    _ kind: Waiting.Kind, _ users: [Identifier], client: Int, transaction: Int
  ) async throws(StoreError) {
    if kind == .load || kind == .store, transaction == 0 { checkIsAlone(users, client: client) }
    guard !answersAtOnce else { return }
    let fate = await withCheckedContinuation { continuation in
      waiting.append(
        Waiting(kind: kind, users: users, client: client, transaction: transaction, continuation: continuation))
    }
    switch fate {
    case .goesOn: return
    case .isRefused: throw .unavailable(reason: "the link broke")
    case .isLost: throw .outcomeUnknown(reason: "the link broke")
    case .collides: throw .concurrentChange
    }
  }

  private func checkIsAlone(_ users: [Identifier], client: Int) {
    if Set(users).count < users.count { onViolation("a statement has a user twice") }
    for other in waiting where other.client == client {
      if !Set(users).isDisjoint(with: other.users) { onViolation("a user is in two statements of a batcher") }
    }
  }

  fileprivate func load(
    _ users: [PendingUser], _ epoch: Epoch, _ limits: StoreLimits, client: Int, transaction: Int
  ) async throws(StoreError) {
    let needed = users.filter { !$0.isCached || !$0.replayedKeys.isEmpty }
    guard !needed.isEmpty else { return }
    try await wait(.load, needed.map(\.userID), client: client, transaction: transaction)
    for user in needed {
      guard let stored = self.users[user.userID] else { continue }
      if !user.isCached {
        var ledger = stored.ledger.head(epoch: epoch)
        user.changeNumberBefore = ledger.changeNumber
        for row in user.rows {
          guard let habitID = row.habitID, let habit = stored.ledger.habits[habitID] else { continue }
          ledger.load(habit: habit, id: habitID)
          guard let day = row.day else { continue }
          let key = CellKey(habitID: habitID, day: Day(day))
          if let cell = stored.ledger.cells[key] { ledger.load(cell: cell, key: key) }
        }
        user.ledger = ledger
      }
      for key in user.replayedKeys { user.stored[key] = stored.outcomes[key] }
    }
    try await wait(.readAnswer, needed.map(\.userID), client: client, transaction: transaction)
  }

  fileprivate func loadFullHabits(_ user: PendingUser, client: Int, transaction: Int) async throws(StoreError) {
    try await wait(.load, [user.userID], client: client, transaction: transaction)
    guard let stored = users[user.userID] else { return }
    user.ledger?.readFullHabits(from: stored.ledger)
  }

  fileprivate func store(
    _ users: [PendingUser], client: Int, transaction: Int, while isCurrent: () -> Bool = { true }
  ) async throws(StoreError) -> Set<Identifier> {
    let ids = users.map(\.userID)
    if ids != ids.sorted() { onViolation("a statement's users are not in order") }
    try await wait(.store, ids, client: client, transaction: transaction)
    guard isCurrent() else { throw .concurrentChange }
    if users.contains(where: { $0.calls.contains { isFaulty($0.request) } }) { throw .dataRefused(reason: "faulty") }
    var stored: Set<Identifier> = []
    for user in users {
      guard self.users[user.userID]?.ledger.changeNumber == user.changeNumberBefore else {
        onConflict(user, client)
        continue
      }
      stored.insert(user.userID)
      if transaction == 0 { take(user, client: client) }
    }
    if transaction == 0 {
      try await wait(stored.isEmpty ? .readAnswer : .writeAnswer, ids, client: client, transaction: 0)
    }
    return stored
  }

  private func take(_ user: PendingUser, client: Int) {
    guard var stored = users[user.userID], let ledger = user.ledger else { return }
    var (habits, cells) = (stored.ledger.habits, stored.ledger.cells)
    for id in ledger.changes.habits { habits[id] = ledger.habits[id] }
    for key in ledger.changes.cells.keys { cells[key] = ledger.cells[key] }
    stored.ledger = ledger.head(epoch: epoch)
    (stored.ledger.habits, stored.ledger.cells) = (habits, cells)
    for decided in user.decided {
      stored.outcomes[OperationKey(deviceID: decided.deviceID, seq: decided.outcome.seq)] = StoredOutcome(
        outcome: decided.outcome, payloadHash: decided.queued.payloadHash)
    }
    users[user.userID] = stored
    onStored(user, client)
  }

  fileprivate func withLock(
    of userID: Identifier, client: Int, _ body: (SimulatedTransaction) async throws(StoreError) -> Void
  ) async throws(StoreError) {
    transactionCount += 1
    let transaction = SimulatedTransaction(self, client: client, number: transactionCount)
    checkIsAlone([userID], client: client)
    try await wait(.lock, [userID], client: client, transaction: transaction.number)
    locks[userID] = transaction.number
    defer { if locks[userID] == transaction.number { locks[userID] = nil } }
    try await body(transaction)
    try await wait(.commit, [userID], client: client, transaction: transaction.number)
    if let user = transaction.stored { take(user, client: client) }
    locks[userID] = nil
    try await wait(
      transaction.stored == nil ? .readAnswer : .writeAnswer, [userID], client: client, transaction: transaction.number)
  }
}

/// The connections of one batcher.
struct SimulatedClient: ChangeDatabase {
  let database: SimulatedDatabase
  let number: Int

  func load(_ users: [PendingUser], epoch: Epoch, limits: StoreLimits) async throws(StoreError) {
    try await database.load(users, epoch, limits, client: number, transaction: 0)
  }

  func loadFullHabits(_ user: PendingUser) async throws(StoreError) {
    try await database.loadFullHabits(user, client: number, transaction: 0)
  }

  func store(
    _ users: [PendingUser], now: Instant, while isCurrent: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier> {
    try await database.store(users, client: number, transaction: 0, while: isCurrent)
  }

  func withLock(
    of userID: Identifier, _ body: (SimulatedTransaction) async throws(StoreError) -> Void
  ) async throws(StoreError) {
    try await database.withLock(of: userID, client: number, body)
  }
}

/// A transaction that holds a row's lock: what it stores takes effect when it commits.
final class SimulatedTransaction: ChangeStatements {
  private let database: SimulatedDatabase
  private let client: Int
  let number: Int
  private(set) var stored: PendingUser?

  init(_ database: SimulatedDatabase, client: Int, number: Int) {
    self.database = database
    self.client = client
    self.number = number
  }

  func load(_ users: [PendingUser], epoch: Epoch, limits: StoreLimits) async throws(StoreError) {
    try await database.load(users, epoch, limits, client: client, transaction: number)
  }

  func loadFullHabits(_ user: PendingUser) async throws(StoreError) {
    try await database.loadFullHabits(user, client: client, transaction: number)
  }

  func store(
    _ users: [PendingUser], now: Instant, while isCurrent: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier> {
    let ids = try await database.store(users, client: client, transaction: number)
    stored = users.first { ids.contains($0.userID) }
    return ids
  }
}

extension PersonLedger {
  /// What a user's head holds.
  func head(epoch: Epoch) -> PersonLedger {
    PersonLedger(
      epoch: epoch, firstDay: firstDay, changeNumber: changeNumber, zones: zones, digest: digest,
      habitCount: habitCount, sources: sources, settings: settings, habitsMax: habitsMax, use: use, quotas: quotas)
  }

  /// Whether all that heads hold, except the epoch, is equal.
  func hasSameHead(as other: PersonLedger) -> Bool {
    changeNumber == other.changeNumber && zones == other.zones && digest == other.digest
      && habitCount == other.habitCount && sources == other.sources && settings == other.settings && use == other.use
  }
}

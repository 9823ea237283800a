import DequeModule
import EventLoop

/// What a pool knows of its connections and of the work that waits for one: events in, decisions
/// out. No I/O, no clock. `PostgresPool` acts.
struct PoolState {
  /// A place for one connection.
  enum Slot: Equatable {
    /// Without a connection, until the next attempt to connect. Followed by connecting and closed.
    case waiting
    /// Followed by admitting, shared (without admission), waiting and closed.
    case connecting
    /// Connected, while it is found out whether calls may use it. Followed by shared, waiting and
    /// closed.
    case admitting
    /// Calls share it. Followed by reserved, waiting, connecting (its replacement) and closed.
    case shared
    /// One transaction has it; answers to earlier calls may still be owed. Followed by shared,
    /// waiting and closed.
    case reserved
    /// The pool is closed.
    case closed
  }

  /// The answers that a slot's connection owes; nil: it takes no more work.
  typealias Load = (_ slot: Int) -> Int?

  private(set) var slots: [Slot]
  private var backoffs: [ReconnectBackoff]
  /// Statements waiting for a connection, in the order of arrival.
  private var statements: Deque<DatabaseWork> = []
  /// Transactions waiting for a connection, in the order of arrival.
  private var reservations: Deque<DatabaseWork> = []
  /// Why the last attempt to connect failed; nil after a success.
  private var lastConnectFailure: String?
  private(set) var isClosing = false

  private let statementsPerConnectionMax: Int
  private let statementsMax: Int
  private let reservationsMax: Int
  private let readOnlyRecheckMilliseconds: UInt64

  init(_ configuration: PostgresConfiguration) {
    let count = configuration.connectionsPerLoop
    precondition(count > 0, "a pool needs a connection")
    slots = Array(repeating: .waiting, count: count)
    let backoff = ReconnectBackoff(
      minMilliseconds: configuration.reconnectDelayMinMilliseconds,
      maxMilliseconds: configuration.reconnectDelayMaxMilliseconds)
    backoffs = Array(repeating: backoff, count: count)
    statementsPerConnectionMax = configuration.statementsInFlightPerConnectionMax
    statementsMax = configuration.queuedStatementsMax
    reservationsMax = configuration.queuedTransactionsMax
    readOnlyRecheckMilliseconds = configuration.readOnlyRecheckMilliseconds
  }

  /// Single statements and batches that wait.
  var statementsWaiting: Int { statements.count }
  /// Transactions that wait.
  var transactionsWaiting: Int { reservations.count }
  /// Nothing waits for a connection.
  var queuesAreEmpty: Bool { statements.isEmpty && reservations.isEmpty }

  // MARK: Work

  /// What becomes of work that has arrived.
  enum Placement: Equatable {
    /// Send it on the slot's connection.
    case send(slot: Int)
    /// The slot's connection is the transaction's until `release(slot:isReusable:)`.
    case grant(slot: Int)
    /// It waits; `next(_:)` yields it.
    case wait
    /// Too much waits.
    case refuse(PostgresLimit)
  }

  mutating func place(_ work: DatabaseWork, _ load: Load) -> Placement {
    if work.kind == .reservation {
      if reservations.isEmpty, let slot = reserve(load) { return .grant(slot: slot) }
      guard reservations.count < reservationsMax else { return .refuse(.queuedTransactionsMax) }
      reservations.append(work)
    } else {
      if statements.isEmpty, let slot = sharedSlot(load) { return .send(slot: slot) }
      guard statements.count < statementsMax else { return .refuse(.queuedStatementsMax) }
      statements.append(work)
    }
    return .wait
  }

  /// The next work that waits and for which there is a connection: transactions first.
  mutating func next(_ load: Load) -> (work: DatabaseWork, placement: Placement)? {
    if !reservations.isEmpty, let slot = reserve(load) { return (reservations.removeFirst(), .grant(slot: slot)) }
    if !statements.isEmpty, let slot = sharedSlot(load) { return (statements.removeFirst(), .send(slot: slot)) }
    return nil
  }

  /// Work that is run again stands before all that waits.
  mutating func runAgain(_ work: DatabaseWork) { statements.prepend(work) }

  /// The work's caller does not wait any more.
  mutating func remove(_ work: DatabaseWork) {
    statements.removeAll { $0 === work }
    reservations.removeAll { $0 === work }
  }

  /// Takes out one work that has waited for too long; nil: none has.
  mutating func nextExpired(nowMilliseconds now: UInt64) -> DatabaseWork? {
    // Works that are run again keep their deadline and stand at the front, so the front always
    // expires first.
    if let work = statements.first, work.deadlineMilliseconds <= now { return statements.removeFirst() }
    if let work = reservations.first, work.deadlineMilliseconds <= now { return reservations.removeFirst() }
    return nil
  }

  /// Why work has waited for too long.
  var queueTimeoutReason: String {
    guard let lastConnectFailure else { return "no connection was free in time" }
    return "no connection could be made in time: \(lastConnectFailure)"
  }

  /// The shared slot that owes the fewest answers and may take one more.
  private func sharedSlot(_ load: Load) -> Int? {
    var best: Int?
    var bestCount = statementsPerConnectionMax
    for slot in slots.indices where slots[slot] == .shared {
      guard let count = load(slot), count < bestCount else { continue }
      (best, bestCount) = (slot, count)
    }
    return best
  }

  /// If there is more than one connection, one always stays shared.
  private mutating func reserve(_ load: Load) -> Int? {
    let reservedCount = slots.count { $0 == .reserved }
    guard reservedCount < max(1, slots.count - 1), let slot = sharedSlot(load) else { return nil }
    slots[slot] = .reserved
    return slot
  }

  // MARK: Connections

  /// An attempt to connect begins.
  /// - Returns: Whether it may: not once the pool is closing.
  mutating func connect(slot: Int) -> Bool {
    guard !isClosing else { return false }
    slots[slot] = .connecting
    return true
  }

  /// The slot's connection is made, and it is to be found out whether calls may use it.
  mutating func connected(slot: Int) { slots[slot] = .admitting }

  /// Calls may use the slot's connection.
  mutating func open(slot: Int) {
    slots[slot] = .shared
    backoffs[slot].reset()
    lastConnectFailure = nil
  }

  /// What follows when a connection could not be made, or broke.
  enum AfterBreak: Equatable {
    /// The pool is closing.
    case nothing
    case reconnect(afterMilliseconds: UInt64, wasOpen: Bool)
  }

  mutating func broke(
    slot: Int, reason: String, using randomness: inout some RandomNumberGenerator
  ) -> AfterBreak {
    let wasOpen = slots[slot] == .shared || slots[slot] == .reserved
    slots[slot] = isClosing ? .closed : .waiting
    guard !isClosing else { return .nothing }
    if !wasOpen { lastConnectFailure = reason }
    return .reconnect(
      afterMilliseconds: backoffs[slot].nextDelayMilliseconds(random: .random(in: 0..<1, using: &randomness)),
      wasOpen: wasOpen)
  }

  /// What becomes of a transaction's connection after it.
  enum AfterRelease: Equatable {
    /// Calls share it again.
    case share
    /// It is not known to be between transactions, and must be closed.
    case discard
  }

  mutating func release(slot: Int, isReusable: Bool) -> AfterRelease {
    if slots[slot] == .reserved { slots[slot] = .shared }
    return isReusable ? .share : .discard
  }

  /// What the upkeep of a connection depends on.
  struct Condition {
    /// Another database has come into use since the connection was made.
    var isStale = false
    /// It takes no new work.
    var isRetiring = false
    /// It owes no answer.
    var isIdle = true
    /// When its session was found to be read only; nil: it can write.
    var readOnlySinceMilliseconds: UInt64?
  }

  /// What is to be done about a connection that is made.
  enum Upkeep: Equatable {
    case nothing
    /// It must not be used any more.
    case close
    /// It takes no new work from now on.
    case retire
    /// It is closed, and another one is made in its slot.
    case replace
  }

  mutating func upkeep(slot: Int, _ condition: Condition, nowMilliseconds now: UInt64) -> Upkeep {
    switch slots[slot] {
    case .waiting, .connecting, .closed: return .nothing
    case .admitting, .shared, .reserved: break
    }
    if condition.isStale { return .close }
    let readOnlyIsOver = condition.readOnlySinceMilliseconds.map { now >= $0 + readOnlyRecheckMilliseconds } ?? false
    guard condition.isRetiring || readOnlyIsOver else { return .nothing }
    guard slots[slot] == .shared, condition.isIdle, !isClosing else { return .retire }
    slots[slot] = .connecting
    return .replace
  }

  // MARK: The end

  /// Nothing new is accepted from now on.
  mutating func beginClosing() { isClosing = true }

  /// Whether nothing waits, nothing is owed, and no transaction is open.
  func isDrained(isIdle: (_ slot: Int) -> Bool) -> Bool {
    queuesAreEmpty && slots.indices.allSatisfy { slots[$0] != .reserved && isIdle($0) }
  }

  /// All that still waits.
  mutating func close() -> [DatabaseWork] {
    for slot in slots.indices { slots[slot] = .closed }
    defer { (statements, reservations) = ([], []) }
    return Array(statements) + Array(reservations)
  }
}

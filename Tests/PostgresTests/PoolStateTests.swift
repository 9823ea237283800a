import Testing

@testable import Postgres

@Suite
struct PoolStateTests {
  /// Draws the end of every range.
  private struct Fixed: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
  }

  private static func state(
    _ connections: Int, open: Bool = true, _ change: (inout PostgresConfiguration) -> Void = { _ in }
  ) throws -> TestedPool {
    var configuration = try PostgresConfiguration(connectionString: "host=nowhere")
    configuration.connectionsPerLoop = connections
    change(&configuration)
    let state = TestedPool(configuration)
    guard open else { return state }
    for slot in 0..<connections {
      #expect(state.slots[slot] == .waiting)
      let begins = state.connect(slot: slot)
      #expect(begins && state.slots[slot] == .connecting)
      state.connected(slot: slot)
      #expect(state.slots[slot] == .admitting)
      state.open(slot: slot)
      #expect(state.slots[slot] == .shared)
    }
    return state
  }

  private func work(_ kind: DatabaseWork.Kind, deadline: UInt64 = 1_000) -> DatabaseWork {
    DatabaseWork(kind, steps: [], deadlineMilliseconds: deadline)
  }

  private let idle: PoolState.Load = { _ in 0 }
  private let unusable: PoolState.Load = { _ in nil }

  // MARK: Work

  @Test("a statement goes to the shared connection that owes the fewest answers, the first of equals")
  func fewestAnswers() throws {
    let state = try Self.state(3)
    for (owed, slot) in [([2, 1, 3], 1), ([1, 1, 1], 0), ([4, 3, 3], 1)] {
      let placement = state.place(work(.read)) { owed[$0] }
      #expect(placement == .send(slot: slot))
    }
    let skipped = state.place(work(.write)) { $0 == 2 ? 7 : nil }
    #expect(skipped == .send(slot: 2))
  }

  @Test("a connection takes as many statements as the limit; one more waits")
  func statementsPerConnection() throws {
    let state = try Self.state(1) { $0.statementsInFlightPerConnectionMax = 4 }
    let last = state.place(work(.read)) { _ in 3 }
    let more = state.place(work(.read)) { _ in 4 }
    #expect(last == .send(slot: 0) && more == .wait && state.statementsWaiting == 1)
  }

  @Test("while something waits, what arrives waits behind it; it is served in the order of arrival")
  func order() throws {
    let state = try Self.state(1)
    let works = [work(.read), work(.write), work(.read)]
    for (place, work) in works.enumerated() {
      let placement = state.place(work, place == 0 ? unusable : idle)
      #expect(placement == .wait)
    }
    for work in works {
      let next = state.next(idle)
      #expect(next?.work === work && next?.placement == .send(slot: 0))
    }
    #expect(state.next(idle) == nil && state.queuesAreEmpty)
  }

  @Test("no connection that is waited for, made or admitted takes work")
  func notOpen() throws {
    let state = try Self.state(1, open: false)
    let waiting = state.place(work(.read), idle)
    _ = state.connect(slot: 0)
    let connecting = state.next(idle)
    state.connected(slot: 0)
    let admitting = state.next(idle)
    state.open(slot: 0)
    let open = state.next(idle)
    #expect(waiting == .wait && connecting == nil && admitting == nil && open?.placement == .send(slot: 0))
  }

  @Test("as many statements and transactions wait as their limits; one more is refused")
  func queueLimits() throws {
    let state = try Self.state(1) {
      $0.queuedStatementsMax = 2
      $0.queuedTransactionsMax = 1
    }
    let placements = [DatabaseWork.Kind.read, .write, .read, .reservation, .reservation].map {
      state.place(work($0), unusable)
    }
    #expect(
      placements == [.wait, .wait, .refuse(.queuedStatementsMax), .wait, .refuse(.queuedTransactionsMax)])
    #expect(state.statementsWaiting == 2 && state.transactionsWaiting == 1)
  }

  // MARK: Transactions

  @Test("one of several connections always stays shared; a single one may be reserved", arguments: [1, 2, 4])
  func reservations(count: Int) throws {
    let state = try Self.state(count)
    let most = max(1, count - 1)
    for slot in 0..<most {
      let placement = state.place(work(.reservation), idle)
      #expect(placement == .grant(slot: slot) && state.slots[slot] == .reserved)
    }
    let more = state.place(work(.reservation), idle)
    let statement = state.place(work(.read), idle)
    #expect(more == .wait && statement == (count == 1 ? .wait : .send(slot: count - 1)))
    // A freed connection goes to the transaction first.
    let released = state.release(slot: 0, isReusable: true)
    let next = state.next(idle)
    #expect(released == .share && next?.placement == .grant(slot: 0))
  }

  @Test("a connection that is not between transactions is discarded after one")
  func discarded() throws {
    let state = try Self.state(1)
    _ = state.place(work(.reservation), idle)
    let released = state.release(slot: 0, isReusable: false)
    #expect(released == .discard)
    var randomness = Fixed()
    guard case .reconnect(_, true) = state.broke(slot: 0, reason: "discarded", using: &randomness) else {
      return #expect(Bool(false))
    }
  }

  // MARK: Waiting

  @Test("work that waits ends at its deadline and not before; the reason names the last failure to connect")
  func deadlines() throws {
    let state = try Self.state(1)
    let (first, second, reservation) = (
      work(.read, deadline: 5), work(.read, deadline: 6), work(.reservation, deadline: 5)
    )
    for work in [first, second, reservation] { _ = state.place(work, unusable) }
    #expect(state.nextExpired(nowMilliseconds: 4) == nil)
    let expired = [state.nextExpired(nowMilliseconds: 5), state.nextExpired(nowMilliseconds: 5)]
    #expect(expired[0] === first && expired[1] === reservation && state.nextExpired(nowMilliseconds: 5) == nil)
    #expect(state.queueTimeoutReason == "no connection was free in time")
    var randomness = Fixed()
    // An open connection that breaks is no failure to connect.
    _ = state.broke(slot: 0, reason: "broke", using: &randomness)
    #expect(state.queueTimeoutReason == "no connection was free in time")
    _ = state.connect(slot: 0)
    _ = state.broke(slot: 0, reason: "refused", using: &randomness)
    #expect(state.queueTimeoutReason == "no connection could be made in time: refused")
    _ = state.connect(slot: 0)
    state.connected(slot: 0)
    state.open(slot: 0)
    #expect(state.queueTimeoutReason == "no connection was free in time")
  }

  @Test("work that is run again stands first, and work whose caller has gone waits no longer")
  func runAgain() throws {
    let state = try Self.state(1)
    let (waiting, again, gone) = (work(.read), work(.read), work(.reservation))
    _ = state.place(waiting, unusable)
    _ = state.place(gone, unusable)
    state.runAgain(again)
    state.remove(gone)
    let served = [state.next(idle), state.next(idle), state.next(idle)]
    #expect(served[0]?.work === again && served[1]?.work === waiting && served[2] == nil)
    state.runAgain(again)
    state.remove(again)
    #expect(state.queuesAreEmpty)
  }

  // MARK: Connections

  @Test("after each failure the next attempt waits longer, up to the limit; a connection that opens starts over")
  func backoff() throws {
    let state = try Self.state(2, open: false) {
      $0.reconnectDelayMinMilliseconds = 100
      $0.reconnectDelayMaxMilliseconds = 400
    }
    var randomness = Fixed()
    func fail(_ slot: Int) -> PoolState.AfterBreak {
      _ = state.connect(slot: slot)
      return state.broke(slot: slot, reason: "", using: &randomness)
    }
    let delays = (0..<4).map { _ in fail(0) }
    #expect(
      delays == [100, 200, 400, 400].map { PoolState.AfterBreak.reconnect(afterMilliseconds: $0, wasOpen: false) })
    #expect(state.slots[0] == .waiting)
    // Each slot counts for itself.
    let other = fail(1)
    #expect(other == .reconnect(afterMilliseconds: 100, wasOpen: false))
    // A connection that is not admitted is no success.
    _ = state.connect(slot: 0)
    state.connected(slot: 0)
    let refused = state.broke(slot: 0, reason: "", using: &randomness)
    #expect(refused == .reconnect(afterMilliseconds: 400, wasOpen: false))
    _ = state.connect(slot: 0)
    state.connected(slot: 0)
    state.open(slot: 0)
    let lost = state.broke(slot: 0, reason: "", using: &randomness)
    #expect(lost == .reconnect(afterMilliseconds: 100, wasOpen: true))
  }

  @Test("a reserved connection that breaks frees its reservation")
  func reservedBreaks() throws {
    let state = try Self.state(2)
    _ = state.place(work(.reservation), idle)
    var randomness = Fixed()
    let lost = state.broke(slot: 0, reason: "", using: &randomness)
    guard case .reconnect(_, true) = lost else { return #expect(Bool(false)) }
    let next = state.place(work(.reservation), idle)
    #expect(next == .grant(slot: 1))
  }

  // MARK: Upkeep

  @Test("only an idle shared connection is replaced; a stale one is closed, whatever it does")
  func upkeep() throws {
    let retiring = PoolState.Condition(isRetiring: true)
    let state = try Self.state(2)
    #expect(state.upkeep(slot: 0, PoolState.Condition(), nowMilliseconds: 9) == .nothing)
    #expect(state.upkeep(slot: 0, PoolState.Condition(isRetiring: true, isIdle: false), nowMilliseconds: 9) == .retire)
    #expect(state.upkeep(slot: 0, retiring, nowMilliseconds: 9) == .replace && state.slots[0] == .connecting)
    #expect(state.upkeep(slot: 0, retiring, nowMilliseconds: 9) == .nothing)
    _ = state.place(work(.reservation), idle)
    #expect(state.slots[1] == .reserved)
    #expect(state.upkeep(slot: 1, retiring, nowMilliseconds: 9) == .retire && state.slots[1] == .reserved)
    #expect(state.upkeep(slot: 1, PoolState.Condition(isStale: true, isIdle: false), nowMilliseconds: 9) == .close)
    state.connected(slot: 0)
    #expect(state.upkeep(slot: 0, retiring, nowMilliseconds: 9) == .retire && state.slots[0] == .admitting)
    #expect(state.upkeep(slot: 0, PoolState.Condition(isStale: true), nowMilliseconds: 9) == .close)
  }

  @Test("a session that is read only is replaced after the interval, and not before")
  func readOnly() throws {
    let state = try Self.state(1) { $0.readOnlyRecheckMilliseconds = 100 }
    let condition = PoolState.Condition(readOnlySinceMilliseconds: 1_000)
    #expect(state.upkeep(slot: 0, condition, nowMilliseconds: 1_099) == .nothing)
    #expect(state.upkeep(slot: 0, condition, nowMilliseconds: 1_100) == .replace)
  }

  // MARK: The end

  @Test("a closing pool makes no connection, serves what waits, and is drained when nothing runs")
  func closing() throws {
    let state = try Self.state(2)
    let waiting = work(.read)
    _ = state.place(waiting, unusable)
    _ = state.place(work(.reservation), idle)
    state.beginClosing()
    #expect(state.isClosing && !state.isDrained(isIdle: { _ in true }))
    let served = state.next(idle)
    #expect(served?.work === waiting && !state.isDrained(isIdle: { _ in true }))
    _ = state.release(slot: 0, isReusable: true)
    #expect(!state.isDrained(isIdle: { $0 == 0 }))
    #expect(state.isDrained(isIdle: { _ in true }))
    #expect(state.upkeep(slot: 0, PoolState.Condition(isRetiring: true), nowMilliseconds: 9) == .retire)
    var randomness = Fixed()
    let broke = state.broke(slot: 0, reason: "", using: &randomness)
    let begins = state.connect(slot: 0)
    #expect(broke == .nothing && !begins && state.slots[0] == .closed)
    let late = [work(.read), work(.reservation)]
    for work in late { _ = state.place(work, unusable) }
    let left = state.close()
    #expect(left.elementsEqual(late, by: { $0 === $1 }) && state.queuesAreEmpty && state.slots == [.closed, .closed])
  }

  // MARK: Work on a broken connection

  @Test(
    "of work without an answer, reads run once more; a write's outcome is unknown unless the server ended the session")
  func brokenWork() {
    func end(
      _ kind: DatabaseWork.Kind, unanswered: Int = 1, byServer: Bool = false, isClosing: Bool = false,
      _ change: (DatabaseWork) -> Void = { _ in }
    ) -> WorkEnd {
      let work = work(kind)
      change(work)
      return WorkEnd(
        of: work, unansweredSteps: unanswered, reason: "r", endedByServer: byServer, isClosing: isClosing)
    }
    let (undone, unknown) = (
      WorkEnd.fail(.unreachable(reason: "r")), WorkEnd.fail(.outcomeUnknown(reason: "r"))
    )
    #expect(end(.read) == .runAgain)
    #expect(end(.read) { $0.wasRunAgain = true } == undone && end(.read, isClosing: true) == undone)
    #expect(end(.transactionStep) == undone)
    #expect(end(.transactionStep) { $0.isCancelRequested = true } == .fail(.cancelled))
    #expect(end(.write) == unknown && end(.write, byServer: true) == undone)
    #expect(end(.write, unanswered: 0, byServer: true) == unknown)
    #expect(end(.commit) == unknown && end(.commit, byServer: true) == unknown)
    #expect(end(.commit, unanswered: 2, byServer: true) == undone)
    #expect(end(.write) { $0.finish() } == .nothing)
  }
}

/// A state whose events may be the subject of expectations.
private final class TestedPool {
  private var state: PoolState

  init(_ configuration: PostgresConfiguration) { state = PoolState(configuration) }

  var slots: [PoolState.Slot] { state.slots }
  var statementsWaiting: Int { state.statementsWaiting }
  var transactionsWaiting: Int { state.transactionsWaiting }
  var queuesAreEmpty: Bool { state.queuesAreEmpty }
  var queueTimeoutReason: String { state.queueTimeoutReason }
  var isClosing: Bool { state.isClosing }

  func place(_ work: DatabaseWork, _ load: PoolState.Load) -> PoolState.Placement { state.place(work, load) }
  func next(_ load: PoolState.Load) -> (work: DatabaseWork, placement: PoolState.Placement)? { state.next(load) }
  func runAgain(_ work: DatabaseWork) { state.runAgain(work) }
  func remove(_ work: DatabaseWork) { state.remove(work) }
  func nextExpired(nowMilliseconds now: UInt64) -> DatabaseWork? { state.nextExpired(nowMilliseconds: now) }
  func connect(slot: Int) -> Bool { state.connect(slot: slot) }
  func connected(slot: Int) { state.connected(slot: slot) }
  func open(slot: Int) { state.open(slot: slot) }

  func broke(slot: Int, reason: String, using randomness: inout some RandomNumberGenerator) -> PoolState.AfterBreak {
    state.broke(slot: slot, reason: reason, using: &randomness)
  }

  func release(slot: Int, isReusable: Bool) -> PoolState.AfterRelease {
    state.release(slot: slot, isReusable: isReusable)
  }

  func upkeep(slot: Int, _ condition: PoolState.Condition, nowMilliseconds now: UInt64) -> PoolState.Upkeep {
    state.upkeep(slot: slot, condition, nowMilliseconds: now)
  }

  func beginClosing() { state.beginClosing() }
  func isDrained(isIdle: (Int) -> Bool) -> Bool { state.isDrained(isIdle: isIdle) }
  func close() -> [DatabaseWork] { state.close() }
}

import EventLoop
@testable import StreakDomain
@testable import StreakStore
import Synchronization
import Testing

@Suite(.serialized) struct RowTurnTests {
  @Test(
    "while a migration takes its time, its person's other calls hold no connection, and others' calls complete",
    .timeLimit(.minutes(1)))
  func othersGoOn() async throws {
    // Two connections on the loop: the migration has one of them.
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let other = try await TestPerson.signUp(test, "b@example.org")
      let gate = Gate()
      let loop = test.loops[0]
      let migration = Task(executorPreference: loop) {
        try await migrate(test, into: person.userID, HeldDecision(gate))
      }
      await gate.reached()

      // Each of these needs the row that the migration has locked.
      let waiting = Counter()
      var calls: [Task<Void, any Error>] = []
      func call(_ body: @escaping @Sendable () async throws -> Void) {
        waiting.add(1)
        calls.append(
          Task(executorPreference: loop) {
            try await body()
            waiting.add(-1)
          })
      }
      for day in 0..<4 {
        call { _ = try await person.change(.day(person.habitID, Instant.sampleDay - Int32(day))) }
        call { _ = try await migrate(test, into: person.userID, HeldDecision(nil)) }
      }
      call { try await test.store.signIn(.sample(), of: person.userID, .sample(4), at: .sample) }
      call {
        _ = try await test.store.undoMigration(
          .random(), of: person.userID, committedSince: .sample, counting: [], audit: .sample(person.userID),
          at: .sample
        ) { _ in [] }
      }

      // More than once, and in the way that calls of a person take: batches of changes, and reads.
      for day in 0..<8 {
        _ = try await other.change(.day(other.habitID, Instant.sampleDay - Int32(day)))
        _ = try await test.store.head(of: other.userID)
      }
      #expect(waiting.count == calls.count)

      gate.open()
      _ = try await migration.value
      for call in calls { try await call.value }
      #expect(try await test.store.migrations(of: person.userID, countMax: 10).count == 5)
      #expect(test.store.turns.isIdle)
    }
  }

  @Test("as many wait for a row as the limit, one more is refused, and all get their turn in order")
  func limit() async throws {
    let turns = RowTurns()
    let row = LockedRow.session(.random())
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let loop = thread.loop
    let order = Order()
    try await Task(executorPreference: loop) {
      try await turns.take(row)
      let waiting = (0..<RowTurns.waitingMax).map { number in
        Task(executorPreference: loop) {
          try await turns.take(row)
          order.add(number)
          turns.end(row)
        }
      }
      // Begins after those before it: a loop runs its jobs in order.
      let refused = await Task(executorPreference: loop) { () -> StoreError? in
        do throws(StoreError) {
          try await turns.take(row)
          return nil
        } catch {
          return error
        }
      }.value
      #expect(refused == .overloaded && RowTurns.waitingMax == 64)
      // Another row is another turn.
      try await turns.take(.person(.random()))
      turns.end(row)
      for task in waiting { try await task.value }
      #expect(order.numbers == Array(0..<RowTurns.waitingMax))
      #expect(!turns.isTaken(row) {})
    }.value
  }
}

private func migrate(_ test: TestStore, into userID: Identifier, _ decision: HeldDecision) async throws {
  let outcome = try await test.store.migrate(
    decision.migrationID, of: decision.sessionID, into: userID, isPreview: false, counting: [], at: .sample, decision)
  guard case .migrated = outcome else {
    Issue.record("\(outcome)")
    return
  }
}

private final class Counter: Sendable {
  private let number = Mutex(0)
  var count: Int { number.withLock { $0 } }
  func add(_ change: Int) { number.withLock { $0 += change } }
}

private final class Order: Sendable {
  private let added = Mutex<[Int]>([])
  var numbers: [Int] { added.withLock { $0 } }
  func add(_ number: Int) { added.withLock { $0.append(number) } }
}

/// Stops a decision until the test lets it go on.
private final class Gate: Sendable {
  private struct State {
    var isOpen = false
    var isReached = false
    var waiting: CheckedContinuation<Void, Never>?
    var watching: CheckedContinuation<Void, Never>?
  }
  private let state = Mutex(State())

  func pass() async {
    await withCheckedContinuation { continuation in
      let (isOpen, watching) = state.withLock { state in
        state.isReached = true
        defer { state.watching = nil }
        if !state.isOpen { state.waiting = continuation }
        return (state.isOpen, state.watching)
      }
      watching?.resume()
      if isOpen { continuation.resume() }
    }
  }

  func reached() async {
    await withCheckedContinuation { continuation in
      let isReached = state.withLock { state in
        if !state.isReached { state.watching = continuation }
        return state.isReached
      }
      if isReached { continuation.resume() }
    }
  }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }
}

/// A migration of nothing that takes as long as the test wants, with the row's lock.
private final class HeldDecision: MigrationDecider {
  let sessionID = Identifier.random()
  let migrationID = Identifier.random()
  private let gate: Gate?

  init(_ gate: Gate?) { self.gate = gate }

  func begin(_ state: MigrationState) async -> Result<MigrationNeeds?, StoreError> {
    await gate?.pass()
    return .success(MigrationNeeds(cells: []))
  }

  func merge(into ledger: inout PersonLedger) async -> Result<Void, StoreError> {
    _ = ledger.nextVersion()
    return .success(())
  }

  func finish(_ ledger: PersonLedger) async -> Result<MergeRecord, StoreError> {
    .success(NewMigration.sample(sessionID: sessionID, migrationID: migrationID).record)
  }
}

extension AuditEventRecord {
  fileprivate static func sample(_ userID: Identifier) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, occurredAt: .sample, method: "", outcome: "OK", reason: "", deviceID: nil, peerAddress: "",
      detail: "")
  }
}

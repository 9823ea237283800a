import EventLoop
import Glibc
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

@Suite struct ChangeSimulationTests {
  @Test("a batcher may be dropped as soon as its last call is answered")
  func dropped() async {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let loop = thread.loop
    let error = await Task(executorPreference: loop) { () -> StoreError? in
      let database = SimulatedDatabase()
      database.answersAtOnce = true
      let hints = HintRelay(loop: loop, sender: .zero, watching: WatchPresence(), board: HintBoard())
      let request = ChangeRequest(
        userID: .zero, deviceID: .zero, work: .direct(.malformed), queueDrained: false, now: .sample)
      do throws(StoreError) {
        let attempt = ChangeAttempt(
          database: SimulatedClient(database: database, number: 0), cache: LedgerCache(bytesMax: 0),
          limits: StoreLimits(), quotas: QuotaMeter(), hints: hints, epoch: { Epoch(number: 1) })
        let batcher = ChangeBatcher(loop: loop, attempt: attempt, turns: RowTurns(), busyPollMicroseconds: 0)
        _ = try await batcher.submit(request)
        return nil
      } catch {
        return error
      }
    }.value
    #expect(error == .noSuchUser)
  }

  /// STREAKD_LONG: thousands of seeds.
  private static let seedCount: UInt64 = unsafe getenv("STREAKD_LONG") == nil ? 60 : 6_000

  @Test(
    "through lost races, locks, faults, broken links and new epochs, two batchers do what calls in a row do",
    arguments: chunks(of: 60, in: seedCount))
  func agrees(seeds: Range<UInt64>) async {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let loop = thread.loop
    let (counts, violations) = await Task(executorPreference: loop) {
      var counts = ChangeSimulation.Counts()
      var violations: [String] = []
      for seed in seeds {
        let simulation = ChangeSimulation(seed: seed, loop: loop)
        await simulation.run()
        counts.add(simulation.counts)
        violations += simulation.violations
      }
      return (counts, violations)
    }.value
    #expect(violations.isEmpty, "\(violations.prefix(10).joined(separator: "\n"))")
    // The seeds meet what they are for.
    #expect(counts.applied > 300 && counts.conflicts > 50 && counts.lockedStores > 0, "\(counts)")
    #expect(counts.epochs > 5 && counts.divided > 5 && counts.secondBatches > 20, "\(counts)")
    #expect(counts.otherEpochs > 5 && counts.refusedOperations > 5, "\(counts)")
    for name in ["unavailable", "outcomeUnknown", "dataRefused"] {
      #expect(counts.failures[name] ?? 0 > 5, "\(counts)")
    }
  }
}

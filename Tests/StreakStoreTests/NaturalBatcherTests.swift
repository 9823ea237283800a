import EventLoop
import Postgres
import StreakDomain
@testable import StreakStore
import Synchronization
import Testing

@Suite struct NaturalBatcherTests {
  private final class Batches: Sendable {
    private let batches = Mutex<[[Int]]>([])
    var all: [[Int]] { batches.withLock { $0 } }
    func add(_ batch: [Int]) { batches.withLock { $0.append(batch) } }
  }

  /// Answers each number, and fails a statement that has one of `damaged`.
  private static func answers(
    to requests: [Int], damaged: Set<Int>, error: StoreError
  ) async -> (answers: [Result<Int, StoreError>], batches: [[Int]]) {
    let thread = EventLoopThread()
    let loop = thread.loop
    let found = await Task(executorPreference: loop) {
      let batches = Batches()
      let batcher = NaturalBatcher<Int, Int>(
        loop: loop, batchesMax: 1, batchCountMax: 256, account: { Identifier(high: 0, low: UInt64($0)) }
      ) { batch in
        batches.add(batch)
        return damaged.isDisjoint(with: batch) ? .success(batch) : .failure(error)
      }
      let bound = LoopBound(batcher, loop: loop)
      let tasks = requests.map { request in
        Task(executorPreference: loop) { () -> Result<Int, StoreError> in
          do throws(StoreError) {
            return .success(try await bound.value.response(to: request))
          } catch {
            return .failure(error)
          }
        }
      }
      var answers: [Result<Int, StoreError>] = []
      for task in tasks { answers.append(await task.value) }
      return (answers, batches.all)
    }.value
    thread.stopAndJoin()
    return found
  }

  @Test(
    "a request that cannot be answered fails alone, and the others of its batch are answered",
    arguments: [StoreError.fault(reason: "damaged"), .dataRefused(reason: "damaged")])
  func damagedRequest(error: StoreError) async {
    let requests = Array(0..<100)
    let damaged: Set = [0, 41, 42, 99]
    let (answers, batches) = await Self.answers(to: requests, damaged: damaged, error: error)
    for (request, answer) in zip(requests, answers) {
      let account = Identifier(high: 0, low: UInt64(request))
      let isFault = error == .fault(reason: "damaged")
      let named = isFault ? .fault(reason: "damaged, for the account \(account)") : error
      #expect(answer == (damaged.contains(request) ? .failure(named) : .success(request)))
    }
    #expect(batches[0] == requests)
    #expect(batches.count <= 1 + damaged.count * 14)
  }

  @Test(
    "an error that is not about a request's data fails its batch, which is not repeated",
    arguments: [StoreError.unavailable(reason: "away"), .overloaded, .outcomeUnknown(reason: "away"), .cancelled])
  func unavailable(error: StoreError) async {
    let (answers, batches) = await Self.answers(to: [1, 2, 3], damaged: [2], error: error)
    #expect(answers == Array(repeating: .failure(error), count: 3))
    #expect(batches == [[1, 2, 3]])
  }

  @Test("a habit that cannot be read fails its person's call, other people's reads in the batch are answered")
  func damagedRow() async throws {
    try await TestStore.run { test async throws in
      var people: [TestPerson] = []
      for number in 0..<5 { people.append(try await TestPerson.signUp(test, "p\(number)@example.org")) }
      // A column that only the reads of streaks decode.
      for change in [
        "ALTER TABLE habits ALTER total_days DROP NOT NULL",
        "UPDATE habits SET total_days = NULL WHERE habit_id = '\(people[3].habitID)'",
      ] { _ = try await test.database.run(Statement(.write, change)) }
      let tasks = people.map { person in
        Task(executorPreference: test.loops[0]) {
          try await test.store.streak(of: person.userID, habitID: person.habitID)
        }
      }
      for (number, task) in tasks.enumerated() {
        switch await task.result {
        case .success(let streak): #expect(number != 3 && streak?.habitID == people[number].habitID)
        case .failure(let error):
          guard number == 3, case .fault(let reason, isLogged: false) = error as? StoreError else {
            Issue.record("\(number): \(error)")
            continue
          }
          #expect(reason.contains("unexpectedNull") && reason.hasSuffix("for the account \(people[3].userID)"))
        }
      }
    }
  }
}

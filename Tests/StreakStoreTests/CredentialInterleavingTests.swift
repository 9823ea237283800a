import EventLoop
import Glibc
import SplitMix
@testable import StreakStore
import Testing

/// Calls on the credentials of one account. In the model, every order of their steps leaves a
/// state, and gives answers, that one order of whole calls leaves and gives. The store does what
/// the model does, step by step, and at the same moment.
@Suite(.serialized) struct CredentialInterleavingTests {
  private typealias Calls = CredentialCalls
  private typealias Model = CredentialModel

  /// STREAKD_LONG: every choice of three calls instead of a part.
  private static let isLong = unsafe getenv("STREAKD_LONG") != nil

  // MARK: The model

  @Test(
    "every order of the steps of three calls equals one order of the calls",
    arguments: CredentialCalls.Beginning.allCases)
  func consistent(beginning: CredentialCalls.Beginning) {
    let start = beginning.state
    let schedules = Calls.schedules(3)
    #expect(schedules.count == 90)
    let needed = Self.isLong ? 0..<Calls.kindCount : Calls.coreKinds
    let kinds = Self.isLong ? 0..<Calls.kindCount : Calls.coreKinds
    // Every two calls, and three of the core's, of the tokens' or of all.
    let choices =
      Calls.choices(3, of: kinds, with: needed) + Calls.choices(3, of: Calls.tokenKinds, with: Calls.tokenKinds)
      + Calls.choices(2, of: 0..<Calls.kindCount, with: 0..<Calls.kindCount)
    for choice in choices {
      let calls = choice.enumerated().map { Calls.call($1, place: $0) }
      let serial = Calls.serialOutcomes(calls, from: start)
      for schedule in choice.count == 3 ? schedules : Calls.schedules(2) {
        let (outcome, answers) = Calls.outcome(calls, schedule, from: start)
        if !serial.contains(outcome) {
          Issue.record("\(calls) as \(schedule) from \(start): \(answers), \(outcome.state)")
          return
        }
      }
    }
  }

  /// What holds whatever was called.
  @Test("no state has a credential of before the password's last replacement", arguments: UInt64(0)..<8)
  func invariants(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<400 {
      var state = Calls.Beginning.allCases.randomElement(using: &random)?.state ?? Calls.plain
      for place in 0..<8 {
        let call = Calls.call(Int.random(in: 0..<Calls.kindCount, using: &random), place: place)
        let before = state
        let answer = state.apply(call)
        if answer != .done { #expect(state == before || call.isRefresh, "\(call) from \(before)") }
        let signedIn = state.devices.values.filter { $0.family != nil }
        #expect(signedIn.allSatisfy(\.isKnown) && (signedIn.isEmpty || !state.isLocked), "\(call) from \(before)")
        if state.exists, state.password != before.password {
          #expect(signedIn.count <= 1 && state.request != .approved && state.request != .open, "\(call) from \(before)")
        }
      }
    }
  }

  // MARK: The store

  @Test("in sequence the store does what the model does", arguments: UInt64(0)..<6)
  func sequences(seed: UInt64) async throws {
    try await TestStore.run { test in
      var random = SplitMix64(seed: seed)
      let other = try await test.anotherStore()
      for number in 0..<8 {
        let beginning = Calls.Beginning.allCases[number % 3]
        let account = try await Self.make(test, other, number, beginning)
        var model = beginning.state
        for place in 0..<12 {
          var call: Model.Call
          repeat {
            call = Calls.call(Int.random(in: 0..<Calls.kindCount, using: &random), place: place)
            // Erasing early would end the sequence.
          } while place < 8 && call.isErasure
          let expected = model.apply(call)
          let found = try await account.perform(call, by: account.stores[place % 2])
          #expect(found == expected, "\(call)")
        }
        #expect(try await account.observe(test) == model)
      }
      await other.close()
    }
  }

  @Test("step by step the store does what the model does, in every order of two calls", arguments: 0..<4)
  func steps(part: Int) async throws {
    try await TestStore.run { test in
      let other = try await test.anotherStore()
      var number = 0
      let all = 0..<Calls.kindCount
      let runs: [(beginning: Calls.Beginning, choices: [[Int]])] =
        Self.isLong
        ? Calls.Beginning.allCases.map { beginning in
          let triples = [Calls.coreKinds, Calls.tokenKinds].flatMap { Calls.choices(3, of: $0, with: $0) }
          return (beginning, Calls.choices(2, of: all, with: all) + triples)
        }
        : [
          (.plain, Calls.choices(2, of: all, with: Calls.coreKinds)),
          (.approved, Calls.choices(2, of: all, with: Calls.tokenKinds)),
        ]
      for (beginning, choices) in runs {
        for (index, choice) in choices.enumerated() where index % 4 == part {
          let calls = choice.enumerated().map { Calls.call($1, place: $0) }
          for schedule in Calls.distinctSchedules(choice.count) {
            number += 1
            let account = try await Self.make(test, other, number, beginning)
            let (expected, answers) = Calls.outcome(calls, schedule, from: beginning.state)
            let found = try await Self.run(calls, schedule, account)
            #expect(found == answers, "\(calls) as \(schedule) from \(beginning)")
            #expect(
              try await account.observe(test).withoutDeadLinks == expected.state,
              "\(calls) as \(schedule) from \(beginning)")
          }
        }
      }
      await other.close()
    }
  }

  @Test("at the same moment every interleaving equals one order of the calls", arguments: UInt64(0)..<8)
  func interleavings(seed: UInt64) async throws {
    try await TestStore.run(loopCount: 2) { test in
      var random = SplitMix64(seed: seed)
      let other = try await test.anotherStore()
      for number in 0..<20 {
        let beginning = random.choice(of: Calls.Beginning.allCases)
        let account = try await Self.make(test, other, number, beginning)
        let start = beginning.state
        let calls = (0..<3).map { place in
          Calls.call(Int.random(in: 0..<Calls.kindCount, using: &random), place: place)
        }
        let answers = try await withThrowingTaskGroup(of: (Int, Model.Answer).self) { group in
          for (place, call) in calls.enumerated() {
            group.addTask(executorPreference: test.loops[place % 2]) {
              (place, try await account.perform(call, by: account.stores[place % 2]))
            }
          }
          return try await group.reduce(into: [Int: Model.Answer]()) { $0[$1.0] = $1.1 }
        }
        let after = try await account.observe(test)
        let isOrdered = Calls.serialOutcomes(calls, from: start).contains(Calls.Outcome(answers, after))
        #expect(isOrdered, "\(calls) from \(start): \(answers), \(after)")
      }
      await other.close()
    }
  }

  private static func make(
    _ test: TestStore, _ other: StreakStore, _ number: Int, _ beginning: Calls.Beginning
  ) async throws -> CredentialAccount {
    let account = try await CredentialAccount.make(test, other, number: number)
    for call in beginning.calls { #expect(try await account.perform(call, by: test.store) == .done) }
    return account
  }

  /// Takes the steps one after the other, by the stores in turn.
  private static func run(
    _ calls: [Model.Call], _ schedule: [Calls.Step], _ account: CredentialAccount
  ) async throws -> [Int: Model.Answer] {
    var (seen, answers) = ([Int: CredentialAccount.Seen](), [Int: Model.Answer]())
    for step in schedule {
      switch step {
      case .begin(let place):
        let read = try await account.begin(calls[place], by: account.stores[place % 2])
        seen[place] = read
        answers[place] = read.refusal
      case .finish(let place):
        guard answers[place] == nil, let read = seen[place] else { continue }
        answers[place] = try await account.finish(calls[place], seen: read, by: account.stores[place % 2])
      }
    }
    return answers
  }
}

extension CredentialModel.Call {
  /// A refused one may end a family.
  fileprivate var isRefresh: Bool { if case .refresh = self { true } else { false } }

  fileprivate var isErasure: Bool {
    switch self {
    case .eraseByPerson, .eraseByOperator, .eraseIfDue: true
    default: false
    }
  }
}

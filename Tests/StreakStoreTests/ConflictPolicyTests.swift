@testable import StreakStore
import Testing

@Suite struct ConflictPolicyTests {
  @Test("four attempts are made without a lock, the fifth to the twelfth under one, and no more")
  func attempts() {
    let steps = (1...13).map { ConflictPolicy.next(afterAttempts: $0) }
    #expect(ConflictPolicy.unlockedAttemptsMax == 4 && ConflictPolicy.attemptsMax == 12)
    #expect(steps[..<3].allSatisfy { $0 == .unlocked })
    #expect(steps[3..<11].allSatisfy { $0 == .locked })
    #expect(steps[11...].allSatisfy { $0 == .none })
  }

  @Test(
    "a conflict is attempted again, whatever the batch holds",
    arguments: [(1, 1), (1, 2), (2, 2), (3, 9)])
  func conflict(userCount: Int, callCount: Int) {
    #expect(
      ConflictPolicy.remedy(for: .concurrentChange, userCount: userCount, callCount: callCount, isQueue: false)
        == .attemptAgain)
  }

  @Test("refused data divides users first, then calls, then a queue's operations; a fault ends a call that is alone")
  func fault() {
    let (fault, refused) = (StoreError.fault(reason: ""), StoreError.dataRefused(reason: ""))
    for error in [fault, refused] {
      #expect(ConflictPolicy.remedy(for: error, userCount: 2, callCount: 2, isQueue: false) == .divideUsers)
      #expect(ConflictPolicy.remedy(for: error, userCount: 1, callCount: 2, isQueue: false) == .divideCalls)
      #expect(ConflictPolicy.remedy(for: error, userCount: 1, callCount: 1, isQueue: false) == .fail)
    }
    #expect(ConflictPolicy.remedy(for: refused, userCount: 1, callCount: 1, isQueue: true) == .divideOperations)
    #expect(ConflictPolicy.remedy(for: fault, userCount: 1, callCount: 1, isQueue: true) == .fail)
  }

  @Test(
    "any other error ends every call of the batch",
    arguments: [
      StoreError.unavailable(reason: ""), .overloaded, .outcomeUnknown(reason: ""), .cancelled, .noSuchUser,
    ])
  func others(error: StoreError) {
    #expect(ConflictPolicy.remedy(for: error, userCount: 3, callCount: 9, isQueue: false) == .fail)
  }
}

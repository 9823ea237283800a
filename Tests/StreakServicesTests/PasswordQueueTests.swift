import Cryptography
import EventLoop
import RPC
@testable import StreakServices
import TestSupport
import Testing

struct PasswordQueueTests {
  private static func limits(running: Int, waiting: Int) -> PasswordLimits {
    var limits = PasswordLimits()
    limits.cost = .cheapest
    limits.runningMax = running
    limits.waitingMax = waiting
    return limits
  }

  /// Runs `body` on a loop of its own.
  private static func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Value
  ) async throws -> Value {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let loop = thread.loop
    return try await Task(executorPreference: loop) { try await body(loop) }.value
  }

  /// The status code of a hash; nil: hashed.
  private static func code(_ queue: PasswordQueue, on loop: EventLoop) async -> RPCStatusCode? {
    do throws(RPCStatus) {
      _ = try await queue.hash(Secret([1]), of: .init(isKnown: false, name: []), on: loop)
      return nil
    } catch {
      return error.code
    }
  }

  // Nothing here blocks the loop, so all requests are made before the first hash is reported to it.
  @Test("as many as may run and wait are served; each one more is refused", arguments: [(1, 0), (1, 3), (2, 5)])
  func limit(running: Int, waiting: Int) async throws {
    let served = try await Self.onLoop { loop in
      let queue = try PasswordQueue(limits: Self.limits(running: running, waiting: waiting))
      var served: [Int] = []
      for more in [0, 2] {
        let calls = (0..<running + waiting + more).map { _ in
          Task(executorPreference: loop) { await Self.code(queue, on: loop) }
        }
        var codes: [RPCStatusCode?] = []
        for call in calls { codes.append(await call.value) }
        #expect(codes.count { $0 == .resourceExhausted } == more)
        served.append(codes.count { $0 == nil })
      }
      return served
    }
    #expect(served == [running + waiting, running + waiting])
  }

  @Test("a cancelled wait leaves the queue, and the queue continues")
  func givingUp() async throws {
    let codes = try await Self.onLoop { loop in
      let queue = try PasswordQueue(limits: Self.limits(running: 1, waiting: 2))
      let calls = (0..<3).map { _ in Task(executorPreference: loop) { await Self.code(queue, on: loop) } }
      calls[1].cancel()
      var codes: [RPCStatusCode?] = []
      for call in calls { codes.append(await call.value) }
      codes.append(await Self.code(queue, on: loop))
      return codes
    }
    #expect(codes == [nil, .cancelled, nil, nil])
  }

  @Test("a password matches its own hash only, and an unknown user's hash matches nothing")
  func verifying() async throws {
    let answers = try await Self.onLoop { loop in
      let queue = try PasswordQueue(limits: Self.limits(running: 1, waiting: 0))
      let hash = try await queue.hash(Secret([1, 2]), of: .init(isKnown: false, name: []), on: loop)
      return [
        try await queue.verify(Secret([1, 2]), against: hash, of: .init(isKnown: false, name: []), on: loop),
        try await queue.verify(Secret([1, 3]), against: hash, of: .init(isKnown: false, name: []), on: loop),
        try await queue.verify(Secret([1, 2]), against: nil, of: .init(isKnown: false, name: []), on: loop),
      ]
    }
    #expect(answers == [true, false, false])
  }

  @Test("the memory of a hash is the one that is set, and is stored with the hash")
  func memory() throws {
    let cost = PasswordLimits(memoryMebibytes: 19).cost
    let hash = try PasswordHash(of: Secret([1]), cost: cost)
    #expect(hash.costs(cost) && !hash.costs(.standard))
    #expect(PasswordLimits(memoryMebibytes: 64).cost == .standard)
    #expect(hash.text.contains("m=19456,t=2"))
  }
}

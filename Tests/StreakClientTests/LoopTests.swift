import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Synchronization
import Testing

/// Tests of the loop `StreakClient.run`. They do not wait for real time: the test moves the clock.
@Suite("The sync loop")
struct LoopTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()

  private final class Shared: Sendable {
    struct State {
      var syncs = 0
      var isAway = false
      /// The version in the hints.
      var head: Int64 = 0
      var lastSeq: Int64 = 0
    }
    let state = Mutex(State())

    func answer(_ method: String, _ request: [UInt8]) throws -> [UInt8] {
      try state.withLock { state in
        switch method {
        case "SignIn":
          return SignInResponse(
            account: Account(userId: Array(repeating: 7, count: 16), email: "a@b.c"),
            tokens: Tokens(accessToken: "a", refreshToken: "r")
          ).protobufBytes()
        case "Sync":
          state.syncs += 1
          if state.isAway { throw RPCStatus(.unavailable, "away") }
          let request = try SyncRequest(protobufBytes: request)
          state.lastSeq = max(state.lastSeq, request.operations.last?.seq ?? 0)
          return SyncResponse(
            outcomes: request.operations.map { OperationOutcome(seq: $0.seq, status: .applied) },
            cursor: Schema.Cursor(epoch: 1, changeNumber: state.head), lastSeq: state.lastSeq
          ).protobufBytes()
        case "Watch":
          if state.isAway { throw RPCStatus(.unavailable, "away") }
          return WatchResponse(cursor: Schema.Cursor(epoch: 1, changeNumber: state.head)).protobufBytes()
        default: throw RPCStatus(.unimplemented, method)
        }
      }
    }

    var syncs: Int { state.withLock { $0.syncs } }
  }

  private let shared = Shared()

  /// A signed-in client without changes.
  private func makeClient() async throws -> StreakClient {
    let shared = shared
    let network = TestNetwork { method, request, _ in try shared.answer(method, request) }
    let client = StreakClient(storage: storage, network: network, clock: clock)
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.sync()
    // A new client, without earlier syncs.
    return StreakClient(storage: storage, network: network, clock: clock)
  }

  /// Yields until the condition holds; the loop runs on other threads.
  private func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { await Task.yield() }
  }

  @Test("without changes it waits up to five minutes, and then syncs every four to six (C90)")
  func timer() async throws {
    let client = try await makeClient()
    let running = Task { await client.run() }
    let before = shared.syncs
    // No sync at once: devices that start together are spread over the interval.
    try await until { clock.sleeperCount >= 1 }
    #expect(shared.syncs == before)
    var last = before
    for _ in 0..<3 {
      var passed: Int64 = 0
      while shared.syncs == last {
        clock.advance(milliseconds: 10_000)
        passed += 10_000
        try await until { clock.sleeperCount >= 1 || shared.syncs > last }
        for _ in 0..<50 { await Task.yield() }
        try #require(passed <= 400_000, "no sync within the interval and its jitter")
      }
      last = shared.syncs
    }
    running.cancel()
    await running.value
  }

  @Test("a hint with a newer version starts a sync at once, and one without does not")
  func hint() async throws {
    let client = try await makeClient()
    let before = shared.syncs
    shared.state.withLock { $0.head = 5 }
    let running = Task { await client.run() }
    try await until { shared.syncs == before + 1 }
    running.cancel()
    await running.value
    // The next run's first hint repeats the known version.
    let again = Task { await client.run() }
    try await until { clock.sleeperCount >= 1 }
    for _ in 0..<200 { await Task.yield() }
    #expect(shared.syncs == before + 1)
    again.cancel()
    await again.value
  }

  @Test("while the server is unavailable it tries less and less often; when the network returns, at once")
  func networkReturns() async throws {
    let client = try await makeClient()
    shared.state.withLock { $0.isAway = true }
    let before = shared.syncs
    try await client.addHabit("reading")
    let running = Task { await client.run() }
    try await until { shared.syncs == before + 1 }
    // Taps do not shorten the wait.
    for _ in 0..<5 { try await client.addHabit("x") }
    for _ in 0..<200 { await Task.yield() }
    #expect(shared.syncs == before + 1)
    shared.state.withLock { $0.isAway = false }
    await client.networkReturned()
    try await until { try await client.accounts().map(\.waiting) == [0] }
    running.cancel()
    await running.value
  }
}

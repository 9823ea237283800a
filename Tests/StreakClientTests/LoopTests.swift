import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Synchronization
import Testing

/// What `StreakClient.run` does by itself. Nothing here waits for real time: the clock moves when
/// the test says so.
@Suite("The loop that keeps a device equal to the others")
struct LoopTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()

  private final class Shared: Sendable {
    struct State {
      var syncs = 0
      var isAway = false
      /// What hints say of the person's data.
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

  /// A client that is signed in and has nothing to say.
  private func makeClient() async throws -> StreakClient {
    let shared = shared
    let network = TestNetwork { method, request, _ in try shared.answer(method, request) }
    let client = StreakClient(storage: storage, network: network, clock: clock)
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.sync()
    // Started anew: nothing has happened here.
    return StreakClient(storage: storage, network: network, clock: clock)
  }

  /// Gives way until it is so; the loop runs on other threads.
  private func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { await Task.yield() }
  }

  @Test("with nothing to say it waits for its turn within five minutes, and comes again every four to six (C90)")
  func timer() async throws {
    let client = try await makeClient()
    let running = Task { await client.run() }
    let before = shared.syncs
    // Nothing happens at once: devices that start together come spread over the interval.
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

  @Test("a hint that says something new makes it sync at once, one that says nothing new does not")
  func hint() async throws {
    let client = try await makeClient()
    let before = shared.syncs
    shared.state.withLock { $0.head = 5 }
    let running = Task { await client.run() }
    try await until { shared.syncs == before + 1 }
    running.cancel()
    await running.value
    // The next run's first hint tells what is known.
    let again = Task { await client.run() }
    try await until { clock.sleeperCount >= 1 }
    for _ in 0..<200 { await Task.yield() }
    #expect(shared.syncs == before + 1)
    again.cancel()
    await again.value
  }

  @Test("while the server is away it tries later and later; when the network returns, at once")
  func networkReturns() async throws {
    let client = try await makeClient()
    shared.state.withLock { $0.isAway = true }
    let before = shared.syncs
    try await client.addHabit("reading")
    let running = Task { await client.run() }
    try await until { shared.syncs == before + 1 }
    // Taps do not make it hurry.
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

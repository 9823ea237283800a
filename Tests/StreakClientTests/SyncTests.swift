import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import StreakDomain
import Synchronization
import Testing

@testable import StreakClient

@Suite("Sync, accounts and credentials")
struct SyncTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()

  /// A server that accepts everything; it knows one user for each email, and its tokens are "a1",
  /// "r1" and so on.
  private final class Server: Sendable {
    struct State {
      var access = 1
      var decided: [[UInt8]: Int64] = [:]
      var users: [[UInt8]: [Schema.Operation]] = [:]
      var refuses: [String: RPCStatus] = [:]
      /// The answer to the next call of this method is lost after the server has decided.
      var loses: Set<String> = []
      /// The notices of the next `Sync` answers.
      var notices: [Schema.Notice] = []
      var acknowledged: [[UInt8]] = []
      /// Operations with these numbers are rejected.
      var rejects: Set<Int64> = []
      /// The status of the other ones.
      var status = OperationStatus.applied
      var epoch: Int64 = 1
    }
    let state = Mutex(State())

    static func user(_ email: String) -> [UInt8] {
      Array((email.lowercased() + String(repeating: "x", count: 16)).utf8.prefix(16))
    }

    func tokens(_ number: Int) -> Tokens {
      Tokens(accessToken: "a\(number)", refreshToken: "r\(number)")
    }

    func answer(_ method: String, _ request: [UInt8], _ bearer: String?) throws -> [UInt8] {
      let bytes = try state.withLock { state in
        if let refusal = state.refuses[method] { throw refusal }
        return try decide(&state, method, request, bearer)
      }
      if state.withLock({ $0.loses.remove(method) }) != nil { throw RPCStatus(.unavailable, "cut") }
      return bytes
    }

    private func decide(
      _ state: inout State, _ method: String, _ request: [UInt8], _ bearer: String?
    ) throws -> [UInt8] {
      switch method {
      case "SignIn":
        let request = try SignInRequest(protobufBytes: request)
        return SignInResponse(
          account: Account(userId: Self.user(request.email), email: request.email), tokens: tokens(state.access)
        ).protobufBytes()
      case "SignUp":
        let request = try SignUpRequest(protobufBytes: request)
        return SignUpResponse(
          account: Account(userId: Self.user(request.email), email: request.email), tokens: tokens(state.access),
          migration: request.session.map { MigrationResult(migrationId: $0.migrationId) }
        ).protobufBytes()
      case "Refresh":
        let number = Int(try RefreshRequest(protobufBytes: request).refreshToken.dropFirst()) ?? 0
        // The current token, or the one before it.
        guard number == state.access || number + 1 == state.access else { throw refusal("CREDENTIALS_INVALID") }
        state.access = number + 1
        return RefreshResponse(tokens: tokens(state.access)).protobufBytes()
      case "Sync":
        guard bearer == "a\(state.access)" else { throw refusal("CREDENTIALS_INVALID") }
        let request = try SyncRequest(protobufBytes: request)
        var last = state.decided[request.userId] ?? 0
        for operation in request.operations where operation.seq > last {
          state.users[request.userId, default: []].append(operation)
          last = operation.seq
        }
        state.decided[request.userId] = last
        return SyncResponse(
          outcomes: request.operations.map { operation in
            state.rejects.contains(operation.seq)
              ? OperationOutcome(seq: operation.seq, status: .rejected, reason: .clockSkew)
              : OperationOutcome(seq: operation.seq, status: state.status)
          },
          notices: state.notices.filter { !state.acknowledged.contains($0.noticeId) },
          cursor: Schema.Cursor(epoch: state.epoch, changeNumber: last), lastSeq: last
        ).protobufBytes()
      case "AcknowledgeNotices":
        state.acknowledged += try AcknowledgeNoticesRequest(protobufBytes: request).noticeIds
        return AcknowledgeNoticesResponse().protobufBytes()
      case "Watch": return WatchResponse(cursor: Schema.Cursor(epoch: 1, changeNumber: 0)).protobufBytes()
      case "SignOut": return SignOutResponse().protobufBytes()
      default: throw RPCStatus(.unimplemented, method)
      }
    }

    func refusal(_ reason: String, _ code: RPCStatusCode = .unauthenticated) -> RPCStatus {
      RPCStatus(code, reason).with(GoogleRPCErrorInfo(reason: reason, domain: "streak.v1"))
    }

    func operations(of email: String) -> [Schema.Operation] { state.withLock { $0.users[Self.user(email)] ?? [] } }
  }

  private let server = Server()
  private let network: TestNetwork

  init() { network = TestNetwork(server.answer) }

  private func open() -> StreakClient { StreakClient(storage: storage, network: network, clock: clock) }

  private func days(_ operations: [Schema.Operation]) -> [Int32] {
    operations.compactMap { if case .setCompletion(let completion) = $0.change { completion.day } else { nil } }
  }

  @Test("a refused access token is renewed and the call repeated; the queue is sent once (C94)")
  func expiredToken() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    server.state.withLock { $0.access = 2 }  // a1 has expired; r1 is valid once more
    try await client.sync()
    #expect(server.operations(of: "a@b.c").count == 2)
    #expect(network.calls.map(\.method) == ["SignIn", "Sync", "Refresh", "Sync"])
  }

  @Test("an operation whose outcome this version does not know stays in the queue")
  func unknownOutcome() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    for status in [OperationStatus.unspecified, OperationStatus(rawValue: 4), OperationStatus(rawValue: .max)] {
      server.state.withLock { $0.status = status }
      let error = await #expect(throws: ClientError.self) { try await client.sync() }
      guard case .failing = error else {
        Issue.record("\(status): \(String(describing: error))")
        continue
      }
      #expect(try await client.waitingCount() == 1, "\(status)")
    }
    server.state.withLock { $0.status = .applied }
    try await client.sync()
    #expect(try await client.waitingCount() == 0)
  }

  @Test("a recovery whose state this version does not know is none that waits for the operator")
  func unknownRecovery() {
    for state in [RecoveryState.unspecified, RecoveryState(rawValue: 99)] {
      let recovery = RecoveryView(Recovery(recoveryId: Identifier.random().bytes, state: state))
      #expect(recovery != nil && recovery?.state != .requested)
    }
  }

  @Test("a refresh without an answer is repeated, by the first process that needs it")
  func lostRefresh() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    server.state.withLock { state in
      state.access = 2
      state.loses = ["Refresh"]
    }
    await #expect(throws: ClientError.self) { try await client.sync() }
    let before = network.calls.count
    try await open().sync()
    #expect(network.calls.dropFirst(before).map(\.method) == ["Sync", "Refresh", "Sync"])
    #expect(server.operations(of: "a@b.c").count == 1)
  }

  @Test("of two processes that share a device one refreshes and the other one waits for it")
  func oneRefreshAtATime() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    server.state.withLock { $0.access = 2 }
    let other = open()
    let held = HeldNetwork(network)
    let first = Task { try await StreakClient(storage: storage, network: held, clock: clock).sync() }
    await held.waitUntilHeld()
    let second = Task { try await other.sync() }
    while clock.sleeperCount == 0 { await Task.yield() }
    held.release()
    _ = try await first.value
    clock.advance(milliseconds: StreakClient.refreshPollMilliseconds)
    _ = try await second.value
    #expect(network.count("Refresh") == 1)
  }

  @Test("a process that died during a refresh keeps the next one waiting for ten seconds")
  func leaseEnds() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    server.state.withLock { $0.access = 2 }
    let held = HeldNetwork(network)
    let dead = Task { try await StreakClient(storage: storage, network: held, clock: clock).sync() }
    await held.waitUntilHeld()
    let next = Task { try await client.sync() }
    for _ in 0..<(StreakClient.refreshLeaseMilliseconds / StreakClient.refreshPollMilliseconds) {
      while clock.sleeperCount == 0 { await Task.yield() }
      #expect(network.count("Refresh") == 0)
      clock.advance(milliseconds: StreakClient.refreshPollMilliseconds)
    }
    _ = try await next.value
    #expect(network.count("Refresh") == 1)
    held.release()
    _ = try? await dead.value
  }

  @Test("a device whose credentials were used by a copy signs in as a new device, and the queue is not lost")
  func copied() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    server.state.withLock { state in
      state.access = 9
      state.refuses["Refresh"] = RPCStatus(.unauthenticated, "copied").with(
        GoogleRPCErrorInfo(reason: "CREDENTIALS_INVALID", domain: "streak.v1", metadata: ["new_device": "true"]))
    }
    await #expect(throws: ClientError.copied) { try await client.sync() }
    #expect(try await client.accounts().map(\.isSignedIn) == [false])
    #expect(try await client.accounts().map(\.waiting) == [1])
    server.state.withLock { $0.refuses = [:] }
    try await open().signIn(email: "a@b.c", password: "secret")
    try await client.sync()
    #expect(server.operations(of: "a@b.c").count == 1)
    let devices = try network.calls.filter { $0.method == "SignIn" }.map {
      try SignInRequest(protobufBytes: $0.request).device?.deviceId
    }
    #expect(devices.count == 2 && devices[0] != devices[1])
  }

  @Test("without valid credentials the queue waits for the next sign-in, and is sent then")
  func signedOutByServer() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    var events = try await client.events().makeAsyncIterator()
    try await client.addHabit("reading")
    server.state.withLock { $0.access = 9 }
    await #expect(throws: ClientError.signInNeeded) { try await client.sync() }
    #expect(await events.next() == .signInNeeded)
    #expect(try await client.accounts().map(\.isSignedIn) == [false])
    #expect(try await client.accounts().map(\.waiting) == [1])
    let device = try SignInRequest(protobufBytes: network.calls[0].request).device?.deviceId
    try await client.signIn(email: "A@b.c", password: "secret")
    try await client.sync()
    #expect(server.operations(of: "a@b.c").count == 1)
    let last = try #require(network.calls.last { $0.method == "SignIn" })
    #expect(try SignInRequest(protobufBytes: last.request).device?.deviceId == device, "the same device goes on")
  }

  @Test("account switch: A's queue is never sent for B, and continues when A returns (C93)")
  func accountSwitch() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    server.state.withLock { $0.refuses = ["Sync": RPCStatus(.unavailable, "away")] }
    await #expect(throws: ClientError.self) { try await client.sync() }
    server.state.withLock { $0.refuses = [:] }
    try await client.signOut()
    #expect(try await client.habits().isEmpty, "nothing of A is shown to whoever has no account")
    try await client.signIn(email: "b@b.c", password: "secret")
    try await client.addHabit("running")
    try await client.sync()
    #expect(server.operations(of: "b@b.c").count == 1)
    #expect(server.operations(of: "a@b.c").isEmpty)
    for call in network.calls where call.method == "Sync" {
      let request = try SyncRequest(protobufBytes: call.request)
      let names = request.operations.compactMap {
        if case .editHabit(let edit) = $0.change { edit.habit?.name } else { nil }
      }
      #expect(names.allSatisfy { ($0 == "reading") == (request.userId == Server.user("a@b.c")) })
    }
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.sync()
    #expect(server.operations(of: "a@b.c").count == 2)
  }

  @Test("while the server is unavailable nothing is lost, also over a restart of the app (C92)")
  func serverAway() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    server.state.withLock { $0.refuses = ["Sync": RPCStatus(.unavailable, "no storage")] }
    for _ in 0..<3 {
      try await client.complete(habit)
      await #expect(throws: ClientError.self) { try await client.sync() }
      clock.advance(days: 1)
    }
    server.state.withLock { $0.refuses = [:] }
    let report = try await open().sync()
    #expect(report.sent == 4)
    #expect(days(server.operations(of: "a@b.c")).count == 3)
  }

  @Test("an answer lost after the server had decided changes nothing twice (C76)")
  func lostReply() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    server.state.withLock { $0.loses = ["Sync"] }
    await #expect(throws: ClientError.self) { try await client.sync() }
    try await open().sync()
    #expect(server.operations(of: "a@b.c").count == 1)
  }

  @Test(
    "sign-up migrates the session; a lost answer is repeated for the same request, and later taps follow")
  func signUp() async throws {
    let client = open()
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    server.state.withLock { $0.loses = ["SignUp"] }
    await #expect(throws: ClientError.self) { try await client.signUp(email: "a@b.c", password: "secret") }
    #expect(try await client.hasSession(), "the local copy stays until the result is here")
    try await client.complete(habit, on: try await client.today().advanced(by: -1))
    let next = open()
    #expect(try await next.signUp(email: "a@b.c", password: "secret") != nil)
    let requests = try network.calls.filter { $0.method == "SignUp" }.map {
      try SignUpRequest(protobufBytes: $0.request)
    }
    #expect(requests.count == 2 && requests[0] == requests[1])
    let captured = try #require(requests[0].session?.captured)
    #expect(captured.manifest?.entryCount == 1 && captured.habits[0].claim?.currentStreak == 1)
    #expect(try await !next.hasSession())
    try await next.sync()
    #expect(days(server.operations(of: "a@b.c")) == [try await client.today().number - 1])
    #expect(server.operations(of: "a@b.c").count == 1, "the habit went with the session")
  }

  @Test("a sign-up that was refused leaves the session untouched, and the next one is a new request")
  func refusedSignUp() async throws {
    let client = open()
    try await client.addHabit("reading")
    server.state.withLock { $0.refuses = ["SignUp": server.refusal("PASSWORD_TOO_COMMON", .invalidArgument)] }
    await #expect { try await client.signUp(email: "a@b.c", password: "password") } throws: {
      ($0 as? ClientError)?.reason == .passwordTooCommon
    }
    server.state.withLock { $0.refuses = [:] }
    try await client.signUp(email: "a@b.c", password: "better")
    let requests = try network.calls.filter { $0.method == "SignUp" }.map {
      try SignUpRequest(protobufBytes: $0.request)
    }
    #expect(requests[0].session?.migrationId != requests[1].session?.migrationId)
  }

  @Test(
    "conflicts and rejected operations are events at every start, until the person has seen them (C80, C86)"
  )
  func notices() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    let noticeID = Identifier(high: 4, low: 4)
    server.state.withLock { state in
      state.rejects = [2]
      state.notices = [
        Schema.Notice(
          noticeId: noticeID.bytes, kind: .noteConflict, habitId: habit.bytes, day: 20_000,
          winningValue: NoticeValue(value: .text("k")), losingValue: NoticeValue(value: .text("o")), version: 3)
      ]
    }
    var events = try await client.events().makeAsyncIterator()
    try await client.sync()
    func isNotice(_ event: ClientEvent?) -> Bool {
      if case .notice(noticeID, let notice) = event {
        notice.winningValue == .text("k") && notice.losingValue == .text("o")
      } else {
        false
      }
    }
    #expect(isNotice(await events.next()))
    guard case .rejected(let operation, .clockSkew) = await events.next() else {
      Issue.record("no rejection")
      return
    }
    // One event per client; the next client reports it again.
    try await client.sync()
    #expect(await events.next() == .changed)
    let next = open()
    var again = try await next.events().makeAsyncIterator()
    #expect(isNotice(await again.next()))
    #expect(await again.next() == .rejected(operation, .clockSkew))
    try await next.acknowledge(noticeID)
    try await next.acknowledgeRejected(operation)
    #expect(try await next.notices().isEmpty)
    #expect(try await next.rejectedOperations().isEmpty)
    // The server sends it once more, because it does not know yet; there is no event.
    try await next.sync()
    #expect(server.state.withLock { $0.acknowledged } == [noticeID.bytes])
    #expect(try await open().notices().isEmpty)
    #expect(try await open().rejectedOperations().isEmpty)
  }

  @Test("a day without the server's judgement has the expected status: entered late it does not count (A2)")
  func prediction() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    let today = try await client.today()
    for ago in 0...3 { try await client.complete(habit, on: today.advanced(by: -ago)) }
    var shown = try await client.habits()[0]
    #expect(shown.cells[today.advanced(by: -3)]?.trust == .quarantined(.backfill))
    #expect(shown.streak.current == 3)
    // A day recorded while the device is offline is not entered late.
    try await client.sync()
    let before = try await client.today()
    let other = try await client.addHabit("running")
    for _ in 0..<6 {
      try await client.complete(other)
      clock.advance(days: 1)
    }
    shown = try #require(try await open().habit(named: "running"))
    #expect(shown.streak.current == 6 && shown.cells[before]?.trust == .counted)
  }

  @Test("an error of the server is not reported as one of the network (A10)")
  func failing() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    for (code, reason, isReached) in [
      (RPCStatusCode.internal, "INTERNAL_FAULT", true), (.unavailable, "", false), (.unavailable, "OVERLOADED", true),
      (.deadlineExceeded, "", false),
    ] {
      let status = reason.isEmpty ? RPCStatus(code, "away") : server.refusal(reason, code)
      server.state.withLock { $0.refuses = ["Sync": status] }
      await #expect { try await client.sync() } throws: { error in
        switch error as? ClientError {
        case .failing: isReached
        case .unreachable, .noAnswer: !isReached
        default: false
        }
      }
    }
  }

  @Test("the local data of an erased account is removed, with an event (C43, C96)")
  func erased() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    var events = try await client.events().makeAsyncIterator()
    server.state.withLock { $0.refuses = ["Sync": server.refusal("ACCOUNT_ERASED")] }
    await #expect(throws: ClientError.accountErased) { try await client.sync() }
    #expect(await events.next() == .accountErased)
    #expect(try await open().accounts().isEmpty)
  }

  @Test("the loop syncs at once after a tap, then waits; one sync runs at a time (C90)")
  func loop() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let synced = AsyncStream.makeStream(of: Int.self)
    let count = Mutex(0)
    network.now { [server] method, request, bearer in
      let bytes = try server.answer(method, request, bearer)
      if method == "Sync" {
        synced.continuation.yield(
          count.withLock { count in
            count += 1
            return count
          })
      }
      return bytes
    }
    let running = Task { await client.run() }
    defer { running.cancel() }
    var syncs = synced.stream.makeAsyncIterator()
    try await client.addHabit("reading")
    #expect(await syncs.next() == 1)
    try await client.addHabit("running")
    while try await client.accounts().map(\.waiting) != [0] { await Task.yield() }
    #expect(server.operations(of: "a@b.c").count == 2)
    running.cancel()
    await running.value
  }
}

extension StreakClient {
  /// Operations of the only account that wait for their outcome.
  fileprivate func waitingCount() throws -> Int? {
    try store.read { state throws(ClientError) in state.accounts.values.first?.replica.queue.count }
  }
}

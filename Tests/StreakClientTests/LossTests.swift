import GRPCSchema
import ProtobufCodec
import RPC
import Schema
@testable import StreakClient
import StreakDomain
import Synchronization
import Testing

/// A client's reaction to a server that has lost acknowledged data.
@Suite("After a server has lost something")
struct LossTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()

  /// A server with scripted answers.
  private final class Server: Sendable {
    struct State {
      var epoch: Int64 = 1
      var lastSeq: Int64 = 0
      var forgets = false
      var refuses: [String: [RPCStatus]] = [:]
      var methods: [String] = []
      var operations: [Schema.Operation] = []
      var restated: [Habit] = []
      var migrations: [MigrateRequest] = []
      var signUps: [SignUpRequest] = []
      /// The notices of the next `Sync` answer.
      var notices: [Schema.Notice] = []
      var habits: [Habit] = []
      var cells: [Schema.Cell] = []
      var settings: Schema.AccountSettings?
      var listed: [ListedMigration] = []
      /// The devices that have signed in.
      var devices: [[UInt8]] = []
      /// The operation with this number is rejected.
      var rejectedSeq: Int64 = 0
      var acknowledged: [[UInt8]] = []
      /// A database of another epoch has equal data.
      var isEqual = false
    }
    private static let account = Account(userId: Array(repeating: 7, count: 16), email: "a@b.c")
    let state = Mutex(State())

    func answer(_ method: String, _ request: [UInt8], _ bearer: String?) throws -> [UInt8] {
      try state.withLock { state in
        state.methods.append(method)
        if method == "Migrate" { state.migrations.append(try MigrateRequest(protobufBytes: request)) }
        if method == "SignUp" { state.signUps.append(try SignUpRequest(protobufBytes: request)) }
        if let refusal = state.refuses[method]?.first {
          state.refuses[method]?.removeFirst()
          throw refusal
        }
        switch method {
        case "SignIn":
          state.devices.append(try SignInRequest(protobufBytes: request).device?.deviceId ?? [])
          return SignInResponse(account: Self.account, tokens: Tokens(accessToken: "a")).protobufBytes()
        case "RecoverAccount":
          state.devices.append(try RecoverAccountRequest(protobufBytes: request).device?.deviceId ?? [])
          return RecoverAccountResponse(account: Self.account, tokens: Tokens(accessToken: "a")).protobufBytes()
        case "RequestSignInApproval":
          state.devices.append(try RequestSignInApprovalRequest(protobufBytes: request).device?.deviceId ?? [])
          return RequestSignInApprovalResponse(digits: "123456").protobufBytes()
        case "GetSignInApproval":
          return GetSignInApprovalResponse(
            state: .approved, account: Self.account, tokens: Tokens(accessToken: "a")
          ).protobufBytes()
        case "SignUp":
          let request = try SignUpRequest(protobufBytes: request)
          return SignUpResponse(
            account: Account(
              userId: Array(repeating: 7 + UInt8(clamping: state.signUps.count), count: 16), email: request.email),
            tokens: Tokens(accessToken: "a"),
            migration: request.session.map { MigrationResult(migrationId: $0.migrationId) }
          ).protobufBytes()
        case "Migrate":
          let migrationID = state.migrations.last?.session?.migrationId ?? []
          return MigrateResponse(migration: MigrationResult(migrationId: migrationID)).protobufBytes()
        case "AcknowledgeNotices":
          state.acknowledged += try AcknowledgeNoticesRequest(protobufBytes: request).noticeIds
          return AcknowledgeNoticesResponse().protobufBytes()
        case "RevokeDevice": return RevokeDeviceResponse().protobufBytes()
        case "SignOut": return SignOutResponse().protobufBytes()
        case "StartSession":
          return StartSessionResponse(
            sessionId: Array(repeating: 5, count: 16), sessionSecret: Array(repeating: 6, count: 32)
          ).protobufBytes()
        case "ListMigrations": return ListMigrationsResponse(migrations: state.listed).protobufBytes()
        case "Sync":
          let request = try SyncRequest(protobufBytes: request)
          if let first = request.operations.first?.seq, first > state.lastSeq + 1 {
            throw refusal("SEQUENCE_GAP", .failedPrecondition).with(SyncRefusal(expectedSeq: state.lastSeq + 1))
          }
          state.restated += request.restatedHabits
          state.operations += request.operations.filter { $0.seq > state.lastSeq }
          state.lastSeq = max(state.lastSeq, request.operations.last?.seq ?? 0)
          if state.forgets { state.lastSeq = 0 }
          let isReset = !state.isEqual && request.cursor.map { $0.epoch != state.epoch } ?? false
          defer { (state.notices, state.habits, state.cells) = ([], [], []) }
          return SyncResponse(
            outcomes: request.operations.map { operation in
              operation.seq == state.rejectedSeq
                ? OperationOutcome(seq: operation.seq, status: .rejected, reason: .daySealed)
                : OperationOutcome(seq: operation.seq, status: .applied)
            }, reset: isReset,
            habits: state.habits, cells: state.cells, notices: state.notices,
            cursor: Schema.Cursor(epoch: state.epoch, changeNumber: state.lastSeq), lastSeq: state.lastSeq,
            settings: state.settings
          ).protobufBytes()
        default: throw RPCStatus(.unimplemented, method)
        }
      }
    }

    func refusal(_ reason: String, _ code: RPCStatusCode = .unauthenticated) -> RPCStatus {
      RPCStatus(code, reason).with(GoogleRPCErrorInfo(reason: reason, domain: "streak.v1"))
    }

    func refuse(_ method: String, _ reasons: [(String, RPCStatusCode)]) {
      state.withLock { $0.refuses[method] = reasons.map { refusal($0.0, $0.1) } }
    }
  }

  private let server = Server()
  private let network: TestNetwork

  init() { network = TestNetwork(server.answer) }

  private func open() -> StreakClient { StreakClient(storage: storage, network: network, clock: clock) }

  private func reading(_ id: Identifier) -> Habit { Habit(id: id.bytes, name: "reading") }

  private func completion(_ operation: Schema.Operation) -> SetCompletion? {
    if case .setCompletion(let completion) = operation.change { completion } else { nil }
  }

  /// The methods that were called since, without repetition.
  private func methods(_ body: () async throws -> Void) async throws -> [String] {
    server.state.withLock { $0.methods = [] }
    try await body()
    return server.state.withLock { $0.methods }
  }

  private func lose() {
    server.state.withLock { state in
      (state.epoch, state.lastSeq, state.operations, state.migrations) = (state.epoch + 1, 0, [], [])
    }
  }

  @Test("sent operations are sent again, after their habits were stated, though the queue is empty (H12)")
  func resending() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    server.state.withLock { $0.habits = [reading(habit)] }
    try await client.sync()
    lose()
    try await open().sync()
    let (operations, restated) = server.state.withLock { ($0.operations, $0.restated) }
    #expect(operations.map(\.seq) == [1, 2])
    #expect(restated.map(\.id) == [habit.bytes])
  }

  @Test("a session is sent again in its place: after operations made before it, before those made after it (C126)")
  func sessionInItsPlace() async throws {
    let client = open()
    try await client.complete(try await client.addHabit("reading"))
    try await client.signIn(email: "a@b.c", password: "secret")
    let running = try await client.addHabit("running")
    server.state.withLock { $0.habits = [Habit(id: running.bytes, name: "running")] }
    try await client.sync()
    try await client.migrateSession()
    try await client.complete(running)
    try await client.sync()
    let first = server.state.withLock { $0.migrations }
    lose()
    let methods = try await methods { try await open().sync() }
    #expect(methods == ["Sync", "Sync", "Migrate", "Sync"])
    #expect(server.state.withLock { $0.operations.map(\.seq) } == [1, 2])
    #expect(server.state.withLock { $0.migrations.map(\.session) } == first.map(\.session), "the same bytes")
    // It is sent only once.
    #expect(try await self.methods { try await open().sync() } == ["Sync"])
  }

  @Test("a device that the server has lost keeps its id and sends again, however it signs in", arguments: 0..<3)
  func lostDevice(door: Int) async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    server.state.withLock { $0.habits = [reading(habit)] }
    try await client.sync()
    lose()
    for method in ["Sync", "Refresh"] { server.refuse(method, [("CREDENTIALS_INVALID", .unauthenticated)]) }
    await #expect(throws: ClientError.signInNeeded) { try await client.sync() }
    switch door {
    case 0: try await client.signIn(email: "A@b.c", password: "secret")
    case 1: try await client.recoverAccount(email: "A@b.c", code: "AAAAA-AAAAA", newPassword: "new words here")
    default: #expect(try await client.checkSignIn(try await client.requestSignIn(email: "A@b.c")) == .signedIn)
    }
    try await client.sync()
    let (operations, devices) = server.state.withLock { ($0.operations, $0.devices) }
    #expect(operations.map(\.seq) == [1, 2])
    #expect(devices.count == 2 && devices[0] == devices[1])
  }

  @Test(
    "a device keeps its id in an account whose address was changed elsewhere, by password or recovery code",
    arguments: [true, false])
  func changedAddress(byPassword: Bool) async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.signOut()
    if byPassword {
      try await client.signIn(email: "new@b.c", password: "secret")
    } else {
      try await client.recoverAccount(email: "new@b.c", code: "AAAAA-AAAAA", newPassword: "new words here")
    }
    let devices = server.state.withLock { $0.devices }
    #expect(devices.count == 3 && devices[0] == devices[2] && devices[0] != devices[1])
    #expect(server.state.withLock { $0.methods }.contains("RevokeDevice"))
    // The next time it knows the address.
    try await client.signOut()
    try await client.signIn(email: "new@b.c", password: "secret")
    #expect(server.state.withLock { $0.devices }.dropFirst(3) == [devices[0]])
  }

  @Test("after a switch to an equal database an undo takes back all that its author knew, by no names")
  func equalDatabase() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    let today = try await client.today()
    let theirs = StatementId(sourceId: Array(repeating: 3, count: 16), seq: 9)
    server.state.withLock { state in
      state.habits = [reading(habit)]
      state.cells = [Schema.Cell(habitId: habit.bytes, day: today.number, done: true, completions: [theirs])]
    }
    try await client.sync()
    // When: the database of another epoch has equal days, perhaps by other completions.
    server.state.withLock { ($0.epoch, $0.isEqual) = (2, true) }
    try await open().sync()
    try await open().undo(habit, on: today)
    try await open().sync()
    guard case .setCompletion(let undo)? = server.state.withLock({ $0.operations.last?.change }) else {
      Issue.record("no undo")
      return
    }
    #expect(!undo.done && undo.undone.isEmpty)
  }

  @Test("an acknowledgement that the server may have lost is sent again, and its notice stays hidden")
  func acknowledgement() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    let notice = Schema.Notice(
      noticeId: Array(repeating: 1, count: 16), kind: .fieldConflict, habitId: habit.bytes, field: .name,
      winningValue: NoticeValue(value: .text("k")), losingValue: NoticeValue(value: .text("o")))
    server.state.withLock { ($0.habits, $0.notices) = ([reading(habit)], [notice]) }
    try await client.sync()
    let id = try #require(try await client.notices().keys.first)
    try await client.acknowledge(id)
    try await client.sync()
    #expect(server.state.withLock { $0.methods.filter { $0 == "AcknowledgeNotices" }.count } == 1)
    try await client.sync()
    #expect(server.state.withLock { $0.methods.filter { $0 == "AcknowledgeNotices" }.count } == 1)
    lose()
    server.state.withLock { $0.notices = [notice] }
    let next = open()
    for _ in 0..<3 { try await next.sync() }
    #expect(server.state.withLock { $0.methods.filter { $0 == "AcknowledgeNotices" }.count } == 2)
    #expect(try await next.notices().isEmpty)
  }

  @Test("as many sent acknowledgements are kept as the limit says; one more is not sent again", arguments: [0, 1])
  func acknowledgementLimit(more: Int) async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    _ = try await client.addHabit("reading")
    let limit = StreakClient.acknowledgementsKeptMax
    for number in 0..<limit + more { try await client.acknowledge(Identifier(high: 1, low: UInt64(number))) }
    for _ in 0..<3 { try await client.sync() }
    #expect(server.state.withLock { Set($0.acknowledged).count } == limit + more)
    lose()
    server.state.withLock { $0.acknowledged = [] }
    for _ in 0..<3 { try await client.sync() }
    #expect(server.state.withLock { $0.acknowledged.count } == limit)
  }

  @Test("a session that the server has lost counts as one whose begin it does not know, and no sync fails for it")
  func lostSession() async throws {
    let client = open()
    _ = try await client.addHabit("reading")
    try await client.sync()
    clock.advance(days: 8)
    server.refuse("KeepSession", [("SESSION_INVALID", .unauthenticated)])
    try await client.sync()
    clock.advance(days: 8)
    #expect(try await methods { try await client.sync() } == [])
    try await client.signUp(email: "a@b.c", password: "secret")
    #expect(server.state.withLock { $0.signUps.last?.session?.unanchored } == true)
  }

  @Test("a server that forgets all acknowledged data does not cause endless syncs")
  func forgetfulServer() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    try await client.addHabit("reading")
    server.state.withLock { $0.forgets = true }
    let methods = try await methods {
      await #expect { try await client.sync() } throws: { error in
        if case .failing = error as? ClientError { true } else { false }
      }
    }
    #expect(methods.count == StreakClient.lossesMax + 1)
    server.state.withLock { $0.forgets = false }
    try await client.sync()
    #expect(try await client.accounts().map(\.waiting) == [0], "and nothing is lost by that")
  }

  @Test("after 35 days a session is no longer stored")
  func oldSession() async throws {
    let client = open()
    try await client.complete(try await client.addHabit("reading"))
    try await client.signUp(email: "a@b.c", password: "secret")
    try await client.sync()
    clock.advance(days: 35)
    lose()
    #expect(try await methods { try await open().sync() } == ["Sync", "Migrate", "Sync"])
    clock.advance(milliseconds: 1)
    lose()
    #expect(try await methods { try await open().sync() } == ["Sync"])
  }

  @Test("a refused cursor is dropped: everything is pulled without one")
  func invalidCursor() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    server.state.withLock { $0.habits = [reading(habit)] }
    try await client.sync()
    server.refuse("Sync", [("CURSOR_INVALID", .invalidArgument)])
    server.state.withLock { $0.habits = [reading(habit)] }
    let before = network.calls.count
    try await client.sync()
    let cursors = try network.calls.dropFirst(before).filter { $0.method == "Sync" }
      .map { try SyncRequest(protobufBytes: $0.request).cursor }
    #expect(cursors.count == 2 && cursors[0] != nil && cursors[1] == nil)
    #expect(try await client.habits().map(\.id) == [habit])
  }

  @Test("an account that the server does not know becomes an anonymous session, and one sign-up restores it (C125)")
  func accountUnknown() async throws {
    let client = open()
    try await client.signUp(email: "a@b.c", password: "secret")
    let (reading, running) = (try await client.addHabit("reading"), try await client.addHabit("running"))
    try await client.setDayStart(minutes: 120)
    server.state.withLock { state in
      state.habits = [self.reading(reading), Habit(id: running.bytes, name: "running")]
      state.settings = Schema.AccountSettings(dayStartMinutes: 120)
    }
    try await client.sync()
    let today = try await client.today()
    for ago in 0..<3 { try await client.complete(reading, on: today.advanced(by: -ago), note: "n\(ago)") }
    try await client.complete(running)
    try await client.undo(running)
    server.state.withLock { state in
      state.cells = (0..<3).map { ago in
        Schema.Cell(habitId: reading.bytes, day: today.number - Int32(ago), done: true, note: "n\(ago)")
      }
      state.cells.append(Schema.Cell(habitId: running.bytes, day: today.number))
      state.rejectedSeq = 8
      for (number, isResolved) in [(UInt8(1), false), (2, true)] {
        state.notices.append(
          Schema.Notice(
            noticeId: Array(repeating: number, count: 16), kind: .noteConflict, habitId: reading.bytes,
            day: today.number, winningValue: NoticeValue(value: .text("n0")),
            losingValue: NoticeValue(value: .text("other \(number)")), resolved: isResolved))
      }
    }
    try await client.sync()
    #expect(try await client.rejectedOperations().map(\.reason) == [.daySealed])
    // Unsent operations are included.
    try await client.complete(running, on: today.advanced(by: -1), note: "waits")
    let before = try await client.habits().map { HabitCopy($0) }
    #expect(before.count == 2)
    var events = try await client.events().makeAsyncIterator()
    // Two notices and a refusal wait for the person.
    for _ in 0..<3 { _ = await events.next() }
    server.refuse("Sync", [("ACCOUNT_UNKNOWN", .unauthenticated)])
    await #expect(throws: ClientError.accountUnknown) { try await client.sync() }
    #expect(await events.next() == .accountUnknown)

    let next = open()
    #expect(try await next.hasSession())
    #expect(try await next.accounts().map(\.isUnknownToServer) == [true])
    #expect(try await next.habits().map { HabitCopy($0) } == before)
    #expect(try await next.dayStartMinutes() == 120)
    // No new session is started: with a begin of now its earlier days would not count.
    #expect(try await methods { _ = try? await next.sync() } == [])

    server.state.withLock { ($0.lastSeq, $0.operations) = (0, []) }
    try await next.signUp(email: "a@b.c", password: "secret")
    let claim = try #require(server.state.withLock { $0.signUps.last?.session })
    #expect(claim.unanchored && claim.captured?.habits.count == 2 && claim.captured?.entries.count == 6)
    let notes = claim.captured?.entries.filter { $0.done && Identifier($0.habitId) == reading }.map(\.note)
    #expect(notes == ["n2", "n1", "other 1", "n0"], "the shown note is the last of its day")
    #expect(claim.captured?.entries.filter { $0.done && $0.note == "waits" }.count == 1)
    try await next.sync()
    let changes = server.state.withLock { $0.operations.map(\.change) }
    #expect(changes == [.setDayStart(SetDayStart(dayStartMinutes: 120))])
    #expect(try await next.accounts().map(\.isCurrent) == [true], "the former one is gone")
    #expect(try await next.rejectedOperations().map(\.reason) == [.daySealed], "its refusals are not")
    #expect(try await !next.hasSession())
  }

  private struct HabitCopy: Equatable {
    var id: Identifier
    var fields: HabitFields
    var days: [Day: CellContent]

    init(_ habit: HabitView) { (id, fields, days) = (habit.id, habit.fields, habit.cells) }
  }

  @Test(
    "a session that is already in the account is dropped, and later entries are sent, under the account's ids (C120)"
  )
  func alreadyMigrated() async throws {
    let client = open()
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    try await client.signIn(email: "a@b.c", password: "secret")
    server.state.withLock { $0.refuses["Migrate"] = [RPCStatus(.unavailable, "cut")] }
    await #expect(throws: ClientError.self) { try await client.migrateSession() }
    // Meanwhile the person continues without the account.
    try await client.use(nil)
    let yesterday = try await client.today().advanced(by: -1)
    try await client.complete(habit, on: yesterday, note: "later")
    try await client.undo(habit)
    try await client.use(try #require(client.accounts().first?.userID))
    let other = Identifier(high: 5, low: 5)
    let migrationID = Identifier(high: 6, low: 6)
    server.refuse("Migrate", [("ALREADY_MIGRATED", .alreadyExists), ("ALREADY_MIGRATED", .alreadyExists)])
    let sessionID = try #require(server.state.withLock { $0.migrations.last?.session?.sessionId })
    server.state.withLock { state in
      state.listed = [
        ListedMigration(
          result: MigrationResult(
            migrationId: migrationID.bytes, sessionId: sessionID,
            habits: [MigratedHabit(capturedHabitId: habit.bytes, habitId: other.bytes)]))
      ]
    }
    try await client.migrateSession()
    #expect(try await !client.hasSession())
    try await client.sync()
    let operations = server.state.withLock { $0.operations }
    let completions = operations.compactMap { completion($0) }
    #expect(completions.map(\.habitId) == [other.bytes, other.bytes])
    #expect(completions.map(\.done) == [true, false])
    #expect(completions[1].undone.contains(StatementId(sourceId: migrationID.bytes, seq: 0)), "what it takes back")
  }

  @Test("a session claimed by a mistyped address is migrated to the right account under a new id (A9)")
  func mistypedAddress() async throws {
    let client = open()
    try await client.complete(try await client.addHabit("reading"))
    server.state.withLock { $0.refuses["SignUp"] = [RPCStatus(.unavailable, "cut")] }
    await #expect(throws: ClientError.self) { try await client.signUp(email: "a@b.cmo", password: "secret") }
    server.refuse("SignUp", [("SESSION_CLAIMED", .permissionDenied)])
    try await client.signUp(email: "a@b.com", password: "secret")
    let sessions = server.state.withLock { $0.signUps.map { $0.session?.sessionId } }
    #expect(sessions.count == 3 && sessions[0] == sessions[1] && sessions[1] != sessions[2])
    #expect(server.state.withLock { $0.signUps[2].session?.captured?.entries.count } == 1)
    #expect(try await !client.hasSession())
  }

  @Test("notes and the day start are statements of their own in an account, and choices name their conflict")
  func statements() async throws {
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    let habit = try await client.addHabit("reading")
    try await client.complete(habit)
    try await client.complete(habit, note: "a")
    try await client.complete(habit, note: "")
    try await client.setDayStart(minutes: 60)
    let today = try await client.today()
    let (noteID, doneID) = (Identifier(high: 4, low: 1), Identifier(high: 4, low: 2))
    let mine = StatementId(sourceId: Array(repeating: 3, count: 16), seq: 9)
    server.state.withLock { state in
      state.habits = [reading(habit)]
      state.cells = [Schema.Cell(habitId: habit.bytes, day: today.number, done: true, completions: [mine])]
      state.settings = Schema.AccountSettings(dayStartMinutes: 60)
      state.notices = [
        Schema.Notice(
          noticeId: noteID.bytes, kind: .noteConflict, habitId: habit.bytes, day: today.number,
          winningValue: NoticeValue(value: .text("k")), losingValue: NoticeValue(value: .text("o"))),
        Schema.Notice(
          noticeId: doneID.bytes, kind: .doneConflict, habitId: habit.bytes, day: today.number,
          winningValue: NoticeValue(value: .flag(true)), losingValue: NoticeValue(value: .flag(false))),
      ]
    }
    try await client.sync()
    try await client.resolve(noteID, takingLosing: true)
    try await client.resolve(doneID, takingLosing: true)
    try await client.sync()
    let changes = server.state.withLock { $0.operations.dropFirst().map(\.change) }
    guard changes.count == 6, case .setCompletion(let first) = changes[0], case .setCompletion(let second) = changes[1],
      case .setNote(let cleared) = changes[2], case .setDayStart(let start) = changes[3],
      case .resolveConflict(let note) = changes[4], case .resolveConflict(let undo) = changes[5]
    else {
      Issue.record("\(changes)")
      return
    }
    #expect(first.done && first.note == "" && second.done && second.note == "a" && cleared.note == "")
    #expect(start.dayStartMinutes == 60)
    #expect(note.noticeId == noteID.bytes && note.takeLosing && undo.noticeId == doneID.bytes && undo.takeLosing)
    guard case .setNote(let chosen)? = note.statement, case .setCompletion(let taken)? = undo.statement else {
      Issue.record("\(changes)")
      return
    }
    #expect(chosen.note == "o" && chosen.day == today.number && !taken.done && taken.undone.contains(mine))
  }
}

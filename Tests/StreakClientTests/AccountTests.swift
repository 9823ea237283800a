import GRPCSchema
import Glibc
import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Synchronization
import Testing

/// Account settings, the preview of a sign-up, and the texts of refusals. A day can be named with a
/// single import.
@Suite("An account in an app")
struct AccountTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()
  private let network = TestNetwork { method, _, _ in throw RPCStatus(.unimplemented, method) }

  private func open() -> StreakClient { StreakClient(storage: storage, network: network, clock: clock) }

  private static let user: [UInt8] = Array(repeating: 7, count: 16)

  private static func signIn() -> [UInt8] {
    SignInResponse(
      account: Account(userId: user, email: "a@b.c"), tokens: Tokens(accessToken: "a", refreshToken: "r")
    ).protobufBytes()
  }

  private static func refusal(_ reason: String, _ code: RPCStatusCode) -> RPCStatus {
    RPCStatus(code, "protocol text of \(reason)").with(GoogleRPCErrorInfo(reason: reason, domain: "streak.v1"))
  }

  /// A signed-in client, with a server that answers one method.
  private func signedIn(_ method: String, _ answer: @escaping @Sendable ([UInt8]) throws -> [UInt8]) async throws
    -> StreakClient
  {
    network.now { called, request, _ in
      if called == "SignIn" { return Self.signIn() }
      guard called == method else { throw RPCStatus(.unimplemented, called) }
      return try answer(request)
    }
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    return client
  }

  @Test("a password change reports the number of devices that it signed out (A11)")
  func password() async throws {
    let client = try await signedIn("ChangePassword") { bytes in
      let request = try ChangePasswordRequest(protobufBytes: bytes)
      guard request.password == "old" else { throw Self.refusal("SIGN_IN_REFUSED", .unauthenticated) }
      return ChangePasswordResponse(
        devicesSignedOut: request.newPassword == "new" ? 2 : 0, tokens: Tokens(accessToken: "a7", refreshToken: "r7")
      ).protobufBytes()
    }
    #expect(try await client.changePassword(from: "old", to: "new") == 2)
    await #expect(throws: ClientError.self) { try await client.changePassword(from: "wrong", to: "new") }
    #expect(network.calls.last { $0.method == "ChangePassword" }?.bearer == "a7", "the new credentials are in use")
    #expect(try await client.accounts().map(\.isSignedIn) == [true], "a wrong password ends no credentials")
    await #expect(throws: ClientError.self) {
      try await StreakClient(storage: MemoryStorage()).changePassword(from: "a", to: "b")
    }
  }

  @Test("a deleted account leaves no local data, also if the first answer was lost (A11)", arguments: [false, true])
  func deletion(isLost: Bool) async throws {
    let client = try await signedIn("DeleteAccount") { bytes in
      let request = try DeleteAccountRequest(protobufBytes: bytes)
      #expect(request.email == "a@b.c" && request.confirmation == StreakClient.deletionPhrase && request.immediately)
      #expect(request.proof?.proof == .password("secret"))
      if isLost { throw Self.refusal("ACCOUNT_ERASED", .unauthenticated) }
      return DeleteAccountResponse().protobufBytes()
    }
    try await client.complete(try await client.addHabit("reading"))
    try await client.deleteAccount(
      email: "a@b.c", confirmation: StreakClient.deletionPhrase, proof: .password("secret"))
    #expect(try await client.accounts().isEmpty)
    #expect(try await open().habits(includingArchived: true).isEmpty)
  }

  @Test("devices are listed and signed out (A11)")
  func devices() async throws {
    let client = try await signedIn("ListDevices") { _ in
      ListDevicesResponse(devices: [
        SignedInDevice(
          device: Device(deviceId: Self.user, name: "phone"), signedInAt: GoogleProtobufTimestamp(seconds: 5),
          signedIn: true, isThisDevice: true)
      ]).protobufBytes()
    }
    let devices = try await client.devices()
    #expect(
      devices.map(\.name) == ["phone"] && devices[0].isThisDevice
        && devices[0].signedInAt == Instant(milliseconds: 5_000))
    network.now { _, _, _ in RevokeDeviceResponse(wasSignedIn: true).protobufBytes() }
    #expect(try await client.signOutDevice(devices[0].id))
  }

  @Test("a recovery whose plan has changed returns the current plan (A11, R2)")
  func recovery() async throws {
    let client = try await signedIn("ListRecoveryPoints") { _ in
      ListRecoveryPointsResponse(points: [RecoveryPoint(name: "p", moment: GoogleProtobufTimestamp(seconds: 9))])
        .protobufBytes()
    }
    let points = try await client.recoveryPoints()
    #expect(points.map(\.name) == ["p"] && points.map(\.moment) == [Instant(milliseconds: 9_000)])
    let fresh = Mutex<UInt8>(1)
    network.now { method, request, _ in
      switch method {
      case "RequestRecovery":
        let request = try RequestRecoveryRequest(protobufBytes: request)
        return RequestRecoveryResponse(
          recovery: Recovery(
            recoveryId: request.recoveryId, point: RecoveryPoint(name: request.point), state: .requested)
        ).protobufBytes()
      case "PreviewRecovery":
        let number = fresh.withLock { $0 }
        return PreviewRecoveryResponse(
          preview: RecoveryPreview(
            planHash: [number], habits: [RecoveredHabit(name: "reading", daysReturning: [Int32(number)])])
        ).protobufBytes()
      default:
        let request = try ConfirmRecoveryRequest(protobufBytes: request)
        let hash = request.planHash
        // The plan does not fit into the refusal.
        guard hash == [fresh.withLock { $0 }] else { throw Self.refusal("PLAN_CHANGED", .aborted) }
        return ConfirmRecoveryResponse(done: RecoveryPreview(planHash: hash)).protobufBytes()
      }
    }
    let recovery = try await client.requestRecovery(of: "p")
    #expect(recovery.state == .requested && recovery.point.name == "p")
    let plan = try await client.previewRecovery(recovery.id)
    #expect(plan.habits.map(\.daysReturning) == [[Day(1)]])
    fresh.withLock { $0 = 2 }
    guard case .planChanged(let changed) = try await client.confirmRecovery(recovery.id, plan: plan) else {
      Issue.record("the plan had changed")
      return
    }
    #expect(changed.habits.map(\.daysReturning) == [[Day(2)]])
    guard case .merged = try await client.confirmRecovery(recovery.id, plan: changed) else {
      Issue.record("the plan had not changed")
      return
    }
  }

  @Test("the preview of a sign-up shows which days count, by the server's rule (A1)")
  func previewSignUp() async throws {
    let client = StreakClient(storage: storage, clock: clock)
    #expect(try await client.previewSignUp() == nil)
    let habit = try await client.addHabit("reading")
    let today = try await client.today()
    for ago in 0..<400 { try await client.complete(habit, on: today.advanced(by: -ago)) }
    try await client.undo(habit, on: today.advanced(by: -1))
    let preview = try #require(try await client.previewSignUp())
    #expect(preview.daysCounted == 29 && preview.daysQuarantined == 370)
    #expect(preview.firstDayThatCounts == today.advanced(by: -29))
  }

  @Test("entries recorded after a sign-up without a session are migrated by the next attempt (A9)")
  func recordedBetweenAttempts() async throws {
    network.now { method, _, _ in throw RPCStatus(.unavailable, "cut") }
    let client = open()
    await #expect(throws: ClientError.self) { try await client.signUp(email: "a@b.c", password: "secret") }
    try await client.complete(try await client.addHabit("reading"))
    let migrated = Mutex(0)
    network.now { method, request, _ in
      switch method {
      case "SignUp":
        return SignUpResponse(account: Account(userId: Self.user, email: "a@b.c"), tokens: Tokens(accessToken: "a"))
          .protobufBytes()
      case "Sync": return SyncResponse(cursor: Schema.Cursor(epoch: 1), lastSeq: 0).protobufBytes()
      case "Migrate":
        let entries = try MigrateRequest(protobufBytes: request).session?.captured?.entries.count ?? 0
        migrated.withLock { $0 += entries }
        return MigrateResponse(migration: MigrationResult(habits: [MigratedHabit(daysCounted: 1)])).protobufBytes()
      default: throw RPCStatus(.unimplemented, method)
      }
    }
    #expect(try await client.signUp(email: "a@b.c", password: "secret")?.daysCounted == 1)
    #expect(migrated.withLock { $0 } == 1)
    #expect(try await !client.hasSession())
  }

  @Test("without TLS only a server on this machine is contacted (S12)")
  func cleartext() throws {
    #expect(throws: ClientError.self) { try AppServerConnection(to: "192.0.2.1:1", security: .none) }
    try AppServerConnection(to: "localhost:1", security: .none).close()
    #expect(throws: ClientError.self) {
      try AppServerConnection(to: "localhost:1", security: .system, certificate: ("/nowhere", "/nowhere"))
    }
  }

  @Test("a local export contains the local data and can be imported (A5)")
  func localExport() async throws {
    let folder = TestFolder()
    let path = folder.path + "/mine.json"
    defer { unlink(path) }
    let client = StreakClient(storage: storage, clock: clock)
    #expect(try await client.exportLocally(to: path) > 0)
    #expect(throws: Never.self) { try ImportedHistory(readingFile: path) }
    let habit = try await client.addHabit("reading", description: "a \"page\"")
    let day = try await client.today().advanced(by: -400)
    try await client.complete(habit, on: day, note: "día\n1")
    try await client.exportLocally(to: path)
    let history = try ImportedHistory(readingFile: path)
    #expect(history.habits.map(\.name) == ["reading"] && history.habits[0].days == [day: "día\n1"])
    await #expect(throws: ClientError.self) { try await client.exportLocally(to: "/nowhere/mine.json") }
  }

  @Test("habits can be reordered, and only those that move are sent")
  func order() async throws {
    let client = StreakClient(storage: storage, clock: clock)
    var ids: [Identifier] = []
    for name in ["a", "b", "c", "d"] { ids.append(try await client.addHabit(name)) }
    try await client.orderHabits([ids[2]])
    #expect(try await client.habits().map(\.fields.name) == ["c", "a", "b", "d"])
    try await client.orderHabits([ids[3], ids[0], ids[3]])
    #expect(try await client.habits().map(\.fields.name) == ["d", "a", "c", "b"])
    await #expect(throws: ClientError.refusedHere(.habitNotFound)) {
      try await client.orderHabits([Identifier(high: 1, low: 1)])
    }
  }

  @Test(
    "the message of a refusal is a sentence for a person, without terms of the protocol (A11)",
    arguments: [
      ("SIGN_UP_REFUSED", RPCStatusCode.failedPrecondition), ("SIGN_IN_REFUSED", .unauthenticated),
      ("PASSWORD_TOO_COMMON", .invalidArgument), ("TOO_MANY_REQUESTS", .resourceExhausted),
      ("IDEMPOTENCY_KEY_REUSED", .failedPrecondition), ("SESSION_CLAIMED", .permissionDenied),
      ("PARTIAL_CAPTURE", .failedPrecondition), ("DEVICE_NOT_FOUND", .notFound), ("BACKUPS_OFF", .failedPrecondition),
      ("RECOVERY_UNDER_WAY", .failedPrecondition),
    ])
  func sentences(reason: String, code: RPCStatusCode) async throws {
    let client = try await signedIn("ListDevices") { _ in throw Self.refusal(reason, code) }
    await #expect {
      _ = try await client.devices()
    } throws: { error in
      let text = "\(error)"
      return !text.contains("protocol") && !text.contains(reason) && !text.contains("_") && text.hasSuffix(".")
    }
  }

  @Test("only an unreachable server is reported as unreachable (A10)")
  func reached() async throws {
    let client = try await signedIn("ListDevices") { _ in [0xFF] }
    func told() async -> String {
      do { _ = try await client.devices() } catch { return "\(error)" }
      return ""
    }
    #expect(await told().hasPrefix("The server was reached"), "an answer that makes no sense is one")
    for (status, said) in [
      (RPCStatus(.deadlineExceeded, "No answer within 3000 ms."), "answer did not come"),
      (RPCStatus(.unavailable, "The connection to localhost:1 was lost."), "answer did not come"),
      (RPCStatus(.unavailable, "localhost:1: connect: Connection refused"), "cannot be reached"),
      (RPCStatus(.unimplemented, "unknown method"), "does not offer this"),
    ] {
      network.now { _, _, _ in throw status }
      #expect(await told().contains(said))
    }
  }
}

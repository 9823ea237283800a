import Cryptography
import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Synchronization

/// The model server behind a client's own network protocol, by encoded messages: accounts, sessions, rotating tokens, and calls that are lost on
/// the way there or on the way back. One for each device, all on one server.
final class ModelNetwork: StreakNetwork {
  /// What the devices of a simulation share.
  final class World: Sendable {
    struct State {
      var server = ModelServer()
      var now: Int64 = SimulationWorld.begin
      var random: SplitMix64
      /// Of a hundred calls so many are lost, half of them after the server has decided.
      var lostPercent = 0
      var users: [String: Identifier] = [:]
      var grants: [String: Grant] = [:]
      var sessions: [[UInt8]: (userID: Identifier, manifest: [UInt8], result: [UInt8])] = [:]
      var signUps: [[UInt8]: [UInt8]] = [:]
      /// By the key it was begun with, and when it began by its id.
      var begun: [[UInt8]: StartSessionResponse] = [:]
      var anchors: [[UInt8]: Int64] = [:]
      var nextNumber: UInt64 = 0
      /// The earlier state, with everything but the counters.
      var backup: [State] = []
    }

    struct Grant {
      var userID: Identifier
      var deviceID: Identifier
      var access: String
      var refresh: String
      var previousRefresh = ""
    }

    let state: Mutex<State>
    init(seed: UInt64) { state = Mutex(State(random: SplitMix64(seed: seed))) }
  }

  private let world: World

  init(_ world: World) { self.world = world }

  func call(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) async throws(RPCStatus) -> [UInt8] {
    let result = world.state.withLock { state -> Result<[UInt8], RPCStatus> in
      let fate = Int.random(in: 0..<200, using: &state.random)
      let lost = RPCStatus(.unavailable, "lost")
      if fate < state.lostPercent { return .failure(lost) }
      let answer: Result<[UInt8], RPCStatus>
      do { answer = .success(try state.answer(method.name, request, bearer)) } catch {
        answer = .failure(error as? RPCStatus ?? RPCStatus(.internal, "\(error)"))
      }
      return fate < 2 * state.lostPercent ? .failure(lost) : answer
    }
    return try result.get()
  }

  func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream { NoStream() }

  private struct NoStream: ResponseStream {
    func next() async throws(RPCStatus) -> [UInt8]? { throw RPCStatus(.unimplemented, "no streams here") }
    func cancel() {}
  }
}

extension ModelNetwork.World.State {
  private static func refusal(_ code: RPCStatusCode, _ reason: String) -> RPCStatus {
    RPCStatus(code, reason).with(GoogleRPCErrorInfo(reason: reason, domain: "streak.v1"))
  }

  private mutating func makeNumber() -> UInt64 {
    nextNumber += 1
    return nextNumber
  }

  /// A copy of the database is made.
  mutating func makeBackup() {
    var copy = self
    copy.backup = []
    backup = [copy]
  }

  /// The database goes back to the copy.
  mutating func restore() {
    guard let copy = backup.first else { return }
    server.restore(copy.server)
    (users, grants, sessions, signUps) = (copy.users, copy.grants, copy.sessions, copy.signUps)
    (begun, anchors) = (copy.begun, copy.anchors)
    makeBackup()
  }

  /// The access tokens end; refresh tokens stay.
  mutating func expireTokens() {
    for key in grants.keys { grants[key]?.access = "expired" }
  }

  mutating func answer(_ method: String, _ request: [UInt8], _ bearer: String?) throws -> [UInt8] {
    switch method {
    case "SignUp": try signUp(try SignUpRequest(protobufBytes: request))
    case "SignIn": try signIn(try SignInRequest(protobufBytes: request))
    case "Refresh": try refresh(try RefreshRequest(protobufBytes: request).refreshToken)
    case "SignOut": SignOutResponse().protobufBytes()
    case "StartSession": startSession(try StartSessionRequest(protobufBytes: request).idempotencyKey)
    case "KeepSession": KeepSessionResponse().protobufBytes()
    case "AcknowledgeNotices": AcknowledgeNoticesResponse().protobufBytes()
    case "Migrate": try migrate(try MigrateRequest(protobufBytes: request), try grant(bearer))
    case "Sync": try sync(try SyncRequest(protobufBytes: request), try grant(bearer))
    default: throw RPCStatus(.unimplemented, method)
    }
  }

  // MARK: Accounts

  private func grant(_ bearer: String?) throws(RPCStatus) -> ModelNetwork.World.Grant {
    guard let grant = grants.values.first(where: { $0.access == bearer }) else {
      throw Self.refusal(.unauthenticated, "CREDENTIALS_INVALID")
    }
    return grant
  }

  private mutating func issue(_ userID: Identifier, _ deviceID: Identifier, previous: String = "") -> Tokens {
    let number = makeNumber()
    grants["\(userID)\(deviceID)"] = .init(
      userID: userID, deviceID: deviceID, access: "a\(number)", refresh: "r\(number)", previousRefresh: previous)
    return Tokens(accessToken: "a\(number)", refreshToken: "r\(number)")
  }

  private mutating func refresh(_ token: String) throws(RPCStatus) -> [UInt8] {
    if let grant = grants.values.first(where: { $0.refresh == token }) {
      return RefreshResponse(tokens: issue(grant.userID, grant.deviceID, previous: token)).protobufBytes()
    }
    // A lost answer is had again.
    if let (key, grant) = grants.first(where: { $0.value.previousRefresh == token }) {
      let access = grant.access == "expired" ? "a\(makeNumber())" : grant.access
      grants[key]?.access = access
      return RefreshResponse(tokens: Tokens(accessToken: access, refreshToken: grant.refresh)).protobufBytes()
    }
    throw Self.refusal(.unauthenticated, "CREDENTIALS_INVALID")
  }

  private mutating func signIn(_ request: SignInRequest) throws(RPCStatus) -> [UInt8] {
    guard let userID = users[request.email], let deviceID = Identifier(request.device?.deviceId ?? []) else {
      throw Self.refusal(.unauthenticated, "SIGN_IN_REFUSED")
    }
    if server.people[userID]?.ledger.devices[deviceID] == nil { server.register(deviceID, of: userID, now: now) }
    return SignInResponse(
      account: Account(userId: userID.bytes, email: request.email), tokens: issue(userID, deviceID)
    ).protobufBytes()
  }

  private mutating func startSession(_ key: [UInt8]) -> [UInt8] {
    if let reply = begun[key] { return reply.protobufBytes() }
    let reply = StartSessionResponse(
      sessionId: Identifier(high: 5, low: makeNumber()).bytes, sessionSecret: SHA256.digest(of: key))
    begun[key] = reply
    anchors[reply.sessionId] = now
    return reply.protobufBytes()
  }

  private mutating func signUp(_ request: SignUpRequest) throws -> [UInt8] {
    let key = SHA256.digest(
      of: request.idempotencyKey + request.email.utf8 + (request.session?.migrationId ?? []))
    if let reply = signUps[key] { return reply }
    guard users[request.email] == nil else { throw Self.refusal(.failedPrecondition, "SIGN_UP_REFUSED") }
    if let session = request.session, sessions[session.sessionId] != nil {
      throw Self.refusal(.permissionDenied, "SESSION_CLAIMED")
    }
    guard let deviceID = Identifier(request.device?.deviceId ?? []) else { throw RPCStatus(.invalidArgument, "device") }
    let userID = Identifier(high: 9, low: makeNumber())
    server.signUp(userID)
    users[request.email] = userID
    server.register(deviceID, of: userID, now: now)
    let result = try request.session.map { try bring($0, into: userID) }
    let reply = SignUpResponse(
      account: Account(userId: userID.bytes, email: request.email), tokens: issue(userID, deviceID), migration: result
    ).protobufBytes()
    signUps[key] = reply
    return reply
  }

  private mutating func migrate(_ request: MigrateRequest, _ grant: ModelNetwork.World.Grant) throws -> [UInt8] {
    guard let session = request.session else { throw RPCStatus(.invalidArgument, "session") }
    if let known = sessions[session.sessionId] {
      let earlier = (try? MigrationResult(protobufBytes: known.result)) ?? MigrationResult()
      guard known.userID == grant.userID else { throw Self.refusal(.permissionDenied, "SESSION_CLAIMED") }
      if earlier.migrationId == session.migrationId { return MigrateResponse(migration: earlier).protobufBytes() }
      guard request.secondDevice, known.manifest != session.captured?.manifest?.sha256 else {
        throw Self.refusal(.alreadyExists, "ALREADY_MIGRATED").with(earlier)
      }
    }
    return MigrateResponse(migration: try bring(session, into: grant.userID)).protobufBytes()
  }

  private mutating func bring(_ claim: SessionClaim, into userID: Identifier) throws -> MigrationResult {
    guard let message = claim.captured, let manifest = message.manifest, let capturedAt = message.capturedAt else {
      throw RPCStatus(.invalidArgument, "captured")
    }
    let capture = StreakDomain.CapturedSession(
      habits: message.habits.map { captured in
        let habit = captured.habit ?? Habit()
        return .init(
          id: habit.id, name: habit.name, description: habit.description, color: habit.color,
          position: habit.position, archived: habit.archived)
      },
      entries: message.entries.map { entry in
        .init(
          habitID: entry.habitId, day: Day(entry.day), done: entry.done, note: entry.note,
          made: Self.localTime(entry.made), occurredAtSeconds: entry.made?.occurredAt?.seconds ?? 0,
          occurredAtNanos: entry.made?.occurredAt?.nanos ?? 0)
      }, capturedAt: Self.localTime(capturedAt),
      manifest: .init(
        habitCount: Int(manifest.habitCount), entryCount: Int(manifest.entryCount), sha256: manifest.sha256))
    guard capture.invalidField == nil else { throw Self.refusal(.invalidArgument, "INVALID_FIELD") }
    if let fault = capture.fault(sha256: SHA256.digest(of:)) { throw Self.refusal(.failedPrecondition, fault.rawValue) }
    let anchor = anchors[claim.sessionId]
    guard anchor != nil || claim.unanchored else { throw Self.refusal(.unauthenticated, "SESSION_INVALID") }
    let plan = MigrationPlan(capture, anchorMilliseconds: anchor, now: now)
    let matches = try server.migrate(plan, migrationID: Identifier(claim.migrationId) ?? .zero, into: userID, now: now)
    let result = MigrationResult(
      migrationId: claim.migrationId, sessionId: claim.sessionId,
      habits: matches.map { MigratedHabit(capturedHabitId: $0.capturedID.bytes, habitId: $0.habitID.bytes) })
    sessions[claim.sessionId] = (userID, manifest.sha256, result.protobufBytes())
    return result
  }

  private static func localTime(_ message: Schema.LocalTime?) -> StreakDomain.LocalTime {
    let occurredAt = message?.occurredAt ?? .init()
    return .init(
      occurredAtMilliseconds: occurredAt.seconds * 1_000 + Int64(occurredAt.nanos / 1_000_000),
      zone: message?.zone ?? "",
      utcOffsetSeconds: message?.utcOffsetSeconds ?? 0, dayStartMinutes: message?.dayStartMinutes ?? 0)
  }

  // MARK: Sync

  private mutating func sync(_ request: SyncRequest, _ grant: ModelNetwork.World.Grant) throws -> [UInt8] {
    guard let userID = Identifier(request.userId) else { throw RPCStatus(.invalidArgument, "user_id") }
    let submission = SyncSubmission(request, userID: userID)
    let pageSize = Int.random(in: 1...6, using: &random)
    switch server.sync(submission, userID: grant.userID, deviceID: grant.deviceID, now: now, pageSize: pageSize) {
    case .success(let changes): return SyncResponse(changes).protobufBytes()
    case .failure(.gap(let expected)):
      throw Self.refusal(.failedPrecondition, "SEQUENCE_GAP").with(SyncRefusal(expectedSeq: expected))
    case .failure(.reused): throw Self.refusal(.failedPrecondition, "OPERATION_REUSED")
    case .failure(.accountMismatch): throw Self.refusal(.failedPrecondition, "ACCOUNT_MISMATCH")
    case .failure(.deviceUnknown): throw Self.refusal(.unauthenticated, "CREDENTIALS_INVALID")
    case .failure(.unavailable): throw RPCStatus(.unavailable, "away")
    }
  }
}

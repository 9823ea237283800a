import Cryptography
import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import SchemaConversion
import SplitMix
import StreakClient
import StreakDomain
import Synchronization
import TestSupport

/// The model server behind a client's network protocol, with encoded messages: accounts, sessions,
/// rotating tokens, and calls whose request or answer is lost. One per device, all with one server.
final class ModelNetwork: StreakNetwork {
  /// The state that the devices of a simulation share.
  final class World: Sendable {
    struct State {
      var server = ModelServer()
      var now = SimulationWorld.begin
      var random: SplitMix64
      /// Percentage of lost calls; in half of them the server has decided.
      var lostPercent = 0
      var users: [String: Identifier] = [:]
      var grants: [String: Grant] = [:]
      /// The account of each session.
      var claims: [[UInt8]: Identifier] = [:]
      /// By migration.
      var migrations: [[UInt8]: (session: [UInt8], manifest: [UInt8], result: [UInt8])] = [:]
      var signUps: [[UInt8]: [UInt8]] = [:]
      /// By the key that the session was started with, and its start by its id.
      var begun: [[UInt8]: StartSessionResponse] = [:]
      var anchors: [[UInt8]: Instant] = [:]
      /// All tokens that any epoch of the database has issued, with their accounts: genuine tokens
      /// are recognised without the database.
      var genuine: [String: Identifier] = [:]
      var nextNumber: UInt64 = 0
      /// Earlier states of the database: a backup, the last commits, an abandoned primary.
      var backup: [State] = []
      var commits: [State] = []
      var abandoned: [State] = []
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
      defer { state.noteCommit() }
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

  /// The database's content.
  private var copy: Self {
    var copy = self
    (copy.backup, copy.commits, copy.abandoned) = ([], [], [])
    return copy
  }

  /// Makes a copy of the database.
  mutating func makeBackup() { backup = [copy] }

  mutating func noteCommit() {
    commits.append(copy)
    if commits.count > 12 { commits.removeFirst() }
  }

  /// Restores the backup; the database's epoch is later than any before.
  mutating func restore() {
    guard let copy = backup.first else { return }
    goOn(with: copy, number: max(server.epoch.number, abandoned.first?.server.epoch.number ?? 0) + 1)
  }

  /// Promotes a standby that lacks some of the last commits; perhaps a second one from the same
  /// base.
  mutating func failOver() {
    let lost = Int.random(in: 1...8, using: &random)
    guard let standby = commits.suffix(lost).first else { return }
    abandoned = [copy]
    let base = commits
    goOn(with: standby, number: standby.server.epoch.number + 1)
    if Bool.random(using: &random) { commits = base }
  }

  /// The abandoned primary becomes the server again.
  mutating func returnToAbandoned() {
    guard let old = abandoned.first else { return }
    goOn(with: old, number: nil)
    abandoned = []
  }

  private mutating func goOn(with copy: Self, number: Int64?) {
    let before = server
    server = copy.server
    server.takeIDs(after: before)
    if let number { server.begin(Epoch(number: number, bits: Int64(bitPattern: random.next()))) }
    (users, grants, claims, migrations, signUps) = (copy.users, copy.grants, copy.claims, copy.migrations, copy.signUps)
    (begun, anchors) = (copy.begun, copy.anchors)
    commits = []
  }

  /// Access tokens expire; refresh tokens stay.
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
    case "AcknowledgeNotices":
      try acknowledge(try AcknowledgeNoticesRequest(protobufBytes: request).noticeIds, try grant(bearer))
    case "ListMigrations": listMigrations(try grant(bearer))
    case "Migrate": try migrate(try MigrateRequest(protobufBytes: request), try grant(bearer))
    case "Sync": try sync(try SyncRequest(protobufBytes: request), try grant(bearer))
    default: throw RPCStatus(.unimplemented, method)
    }
  }

  // MARK: Accounts

  private func grant(_ bearer: String?) throws(RPCStatus) -> ModelNetwork.World.Grant {
    guard let grant = grants.values.first(where: { $0.access == bearer }) else { throw unknown(bearer ?? "") }
    return grant
  }

  /// Why a token is refused.
  private func unknown(_ token: String) -> RPCStatus {
    let isOfLostAccount = genuine[token].map { server.people[$0] == nil } ?? false
    return Self.refusal(.unauthenticated, isOfLostAccount ? "ACCOUNT_UNKNOWN" : "CREDENTIALS_INVALID")
  }

  private mutating func issue(_ userID: Identifier, _ deviceID: Identifier, previous: String = "") -> Tokens {
    let number = makeNumber()
    grants["\(userID)\(deviceID)"] = .init(
      userID: userID, deviceID: deviceID, access: "a\(number)", refresh: "r\(number)", previousRefresh: previous)
    genuine["a\(number)"] = userID
    genuine["r\(number)"] = userID
    return Tokens(accessToken: "a\(number)", refreshToken: "r\(number)")
  }

  private mutating func refresh(_ token: String) throws(RPCStatus) -> [UInt8] {
    if let grant = grants.values.first(where: { $0.refresh == token }) {
      return RefreshResponse(tokens: issue(grant.userID, grant.deviceID, previous: token)).protobufBytes()
    }
    // A lost answer is repeated.
    if let (key, grant) = grants.first(where: { $0.value.previousRefresh == token }) {
      let access = grant.access == "expired" ? "a\(makeNumber())" : grant.access
      grants[key]?.access = access
      genuine[access] = grant.userID
      return RefreshResponse(tokens: Tokens(accessToken: access, refreshToken: grant.refresh)).protobufBytes()
    }
    throw unknown(token)
  }

  private mutating func signIn(_ request: SignInRequest) throws(RPCStatus) -> [UInt8] {
    guard let userID = users[request.email], let deviceID = Identifier(request.device?.deviceId ?? []) else {
      throw Self.refusal(.unauthenticated, "SIGN_IN_REFUSED")
    }
    server.register(deviceID, of: userID, now: now)
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
    if let session = request.session, claims[session.sessionId] != nil {
      throw Self.refusal(.permissionDenied, "SESSION_CLAIMED")
    }
    guard let deviceID = Identifier(request.device?.deviceId ?? []) else { throw RPCStatus(.invalidArgument, "device") }
    let userID = Identifier(high: 9, low: makeNumber())
    server.signUp(userID, now: now)
    server.register(deviceID, of: userID, now: now)
    // All or nothing: without an address no account is created.
    let result = try request.session.map { try bring($0, [], into: userID, isNewAccount: true) }
    users[request.email] = userID
    let reply = SignUpResponse(
      account: Account(userId: userID.bytes, email: request.email), tokens: issue(userID, deviceID), migration: result
    ).protobufBytes()
    signUps[key] = reply
    return reply
  }

  private mutating func migrate(_ request: MigrateRequest, _ grant: ModelNetwork.World.Grant) throws -> [UInt8] {
    guard let session = request.session else { throw RPCStatus(.invalidArgument, "session") }
    if let known = migrations[session.migrationId] {
      guard known.session == session.sessionId, known.manifest == session.captured?.manifest?.sha256 else {
        throw Self.refusal(.failedPrecondition, "IDEMPOTENCY_KEY_REUSED")
      }
      return MigrateResponse(migration: try MigrationResult(protobufBytes: known.result)).protobufBytes()
    }
    if let owner = claims[session.sessionId] {
      guard owner == grant.userID else { throw Self.refusal(.permissionDenied, "SESSION_CLAIMED") }
      let earlier = migrations.values.filter { $0.session == session.sessionId }
      let same = earlier.first { $0.manifest == session.captured?.manifest?.sha256 }
      guard request.secondDevice, same == nil else {
        let refusal = Self.refusal(.alreadyExists, "ALREADY_MIGRATED")
        // A long result does not fit into the details.
        guard Bool.random(using: &random), let result = (same ?? earlier.first)?.result else { throw refusal }
        throw refusal.with(try MigrationResult(protobufBytes: result))
      }
    }
    return MigrateResponse(
      migration: try bring(session, request.habitMap, into: grant.userID, isNewAccount: false)
    ).protobufBytes()
  }

  private func listMigrations(_ grant: ModelNetwork.World.Grant) -> [UInt8] {
    let results = migrations.values.filter { claims[$0.session] == grant.userID }.map(\.result)
    return ListMigrationsResponse(
      migrations: results.compactMap { try? MigrationResult(protobufBytes: $0) }.map { ListedMigration(result: $0) }
    ).protobufBytes()
  }

  private mutating func acknowledge(_ ids: [[UInt8]], _ grant: ModelNetwork.World.Grant) throws(RPCStatus) -> [UInt8] {
    server.acknowledge(ids.compactMap { Identifier($0) }, of: grant.userID, by: grant.deviceID)
    return AcknowledgeNoticesResponse().protobufBytes()
  }

  private mutating func bring(
    _ claim: SessionClaim, _ map: [HabitMapping], into userID: Identifier, isNewAccount: Bool
  ) throws -> MigrationResult {
    guard let message = claim.captured else { throw RPCStatus(.invalidArgument, "captured") }
    guard message.fieldViolations().isEmpty else { throw Self.refusal(.invalidArgument, "INVALID_FIELD") }
    let capture: StreakDomain.CapturedSession
    do throws(InvalidField) { capture = try StreakDomain.CapturedSession(message, path: "captured") } catch {
      throw Self.refusal(.invalidArgument, "INVALID_FIELD")
    }
    if let reason = capture.refusal(sha256: SHA256.digest(of:)) { throw Self.refusal(.failedPrecondition, reason.name) }
    let anchor = anchors[claim.sessionId]
    guard anchor != nil || claim.unanchored else { throw Self.refusal(.unauthenticated, "SESSION_INVALID") }
    let plan = MigrationPlan(capture, anchor: anchor, now: now)
    let matches: [HabitMatching.Match]
    do {
      matches = try server.migrate(
        plan, map: try HabitMatching.pairs(map, path: "habit_map"), migrationID: Identifier(claim.migrationId) ?? .zero,
        into: userID, isNewAccount: isNewAccount, now: now)
    } catch is HabitMatching.InvalidMap, is InvalidField {
      throw Self.refusal(.invalidArgument, "INVALID_FIELD")
    }
    let result = MigrationResult(
      migrationId: claim.migrationId, sessionId: claim.sessionId,
      habits: matches.map { MigratedHabit(capturedHabitId: $0.capturedID.bytes, habitId: $0.habitID.bytes) })
    claims[claim.sessionId] = userID
    migrations[claim.migrationId] = (claim.sessionId, capture.manifest.sha256, result.protobufBytes())
    return result
  }

  // MARK: Sync

  private mutating func sync(_ request: SyncRequest, _ grant: ModelNetwork.World.Grant) throws -> [UInt8] {
    guard let userID = Identifier(request.userId) else { throw RPCStatus(.invalidArgument, "user_id") }
    let submission = SyncSubmission(request, userID: userID)
    let pageSize = Int.random(in: 1...6, using: &random)
    switch server.sync(
      submission, userID: grant.userID, deviceID: grant.deviceID, sentAt: request.sentAt?.instant ?? now,
      now: now, pageSize: pageSize)
    {
    case .success(let changes): return SyncResponse(changes).protobufBytes()
    case .failure(.gap(let expected)):
      throw Self.refusal(.failedPrecondition, "SEQUENCE_GAP").with(SyncRefusal(expectedSeq: expected))
    case .failure(.reused): throw Self.refusal(.failedPrecondition, "OPERATION_REUSED")
    case .failure(.accountMismatch): throw Self.refusal(.failedPrecondition, "ACCOUNT_MISMATCH")
    case .failure(.cursorInvalid): throw Self.refusal(.invalidArgument, "CURSOR_INVALID")
    case .failure(.accountUnknown): throw Self.refusal(.unauthenticated, "ACCOUNT_UNKNOWN")
    case .failure(.deviceUnknown): throw Self.refusal(.unauthenticated, "CREDENTIALS_INVALID")
    case .failure(.unavailable): throw RPCStatus(.unavailable, "away")
    }
  }
}

internal import Cryptography
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Handles the migration of sessions into accounts that have data already. One per loop.
struct MigrationHandlers: MigrationService {
  /// The age of a migration, in seconds, after which it cannot be undone.
  static let undoSecondsMax: Int64 = 30 * 86_400
  /// The most migrations, or attempts, in a list.
  static let listCountMax: Int32 = 100
  /// Attempts while other accounts claim the same session at the same moment: the next attempt
  /// finds the account that has the session.
  private static let attemptsMax = 3
  private static let methods = [
    "MigrationService/Migrate", "MigrationService/PreviewMigration", "MigrationService/UndoMigration",
    "AccountService/SignUp",
  ]

  let store: StreakStore
  let limiter: RateLimiter
  let work: LargeWork

  func previewMigration(
    _ request: PreviewMigrationRequest, context: ServerContext
  ) async throws(RPCStatus) -> PreviewMigrationResponse {
    let capture = try await CheckedCapture.check(request.session, by: work)
    let (decision, outcome) = try await run(
      capture, map: request.habitMap, planHash: [], isSecondDevice: request.secondDevice, isPreview: true, counts: [],
      context)
    switch outcome {
    case .previewed, .migrated: return PreviewMigrationResponse(preview: decision.preview)
    case .replayed(let stored): throw MigrationDecision.alreadyMigrated(stored)
    case .refused(let status): throw status
    case .limited: throw Reason.tooManyRequests.status
    }
  }

  func migrate(_ request: MigrateRequest, context: ServerContext) async throws(RPCStatus) -> MigrateResponse {
    let userID = try context.user().userID
    if let stored = try await stored(request.session, of: userID, context) { return try replayed(stored, context) }
    // The work of an attempt is counted first, whatever its outcome: as much as a preview's.
    try await limiter.count(context, as: MigrationServiceMethods.previewMigration, person: userID.bytes)
    let capture = try await CheckedCapture.check(request.session, by: work)
    // Counted by the transaction, at its end: one that is known to be refused is not begun.
    let counts = limiter.counts(context, person: userID.bytes)
    try limiter.answerFlood(counts, context)
    let (decision, outcome) = try await run(
      capture, map: request.habitMap, planHash: request.planHash, isSecondDevice: request.secondDevice,
      isPreview: false, counts: counts, context)
    switch outcome {
    case .migrated, .previewed:
      context.audit.isStored = true
      return MigrateResponse(migration: decision.result)
    case .replayed(let stored): return try replayed(stored, context)
    case .refused(let status): throw status
    case .limited(let waits):
      try limiter.refuse(counts, waits, context)
      throw Reason.tooManyRequests.status
    }
  }

  /// The migration that this request has done before, found without a check of its capture.
  private func stored(
    _ claim: SessionClaim?, of userID: Identifier, _ context: ServerContext
  ) async throws(RPCStatus) -> MigrationRecord? {
    guard let claim, let migrationID = Identifier(claim.migrationId), let sessionID = Identifier(claim.sessionId) else {
      return nil
    }
    let found = try await mappingStoreErrors { () throws(StoreError) in
      try await store.migration(migrationID, of: userID)
    }
    guard let found, found.sessionID == sessionID, found.manifestHash == claim.captured?.manifest?.sha256 else {
      return nil
    }
    let session = try await mappingStoreErrors { () throws(StoreError) in try await store.session(sessionID) }
    guard let session, equalInConstantTime(session.secretHash, SHA256.digest(of: claim.sessionSecret)) else {
      return nil
    }
    return found
  }

  private func replayed(_ stored: MigrationRecord, _ context: ServerContext) throws(RPCStatus) -> MigrateResponse {
    guard let result = try? MigrationResult(protobufBytes: stored.result) else { throw Reason.internalFault.status }
    context.audit.detail = "session=\(stored.sessionID) replayed=true"
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return MigrateResponse(migration: result)
  }

  /// Decides and, unless it is a preview, stores; starts again if another account claims the
  /// session at the same moment.
  private func run(
    _ capture: CheckedCapture, map: [HabitMapping], planHash: [UInt8], isSecondDevice: Bool, isPreview: Bool,
    counts: [RateCount], _ context: ServerContext
  ) async throws(RPCStatus) -> (MigrationDecision, MigrateOutcome<RPCStatus>) {
    let userID = try context.user().userID
    context.audit.detail = "session=\(capture.sessionID)"
    try await work.takeTurn(isLarge: capture.isLarge)
    defer { work.endTurn(isLarge: capture.isLarge) }
    for attempt in 1...Self.attemptsMax {
      let now = Instant.now()
      let decision = try MigrationDecision(
        capture, map: map, planHash: planHash, isSecondDevice: isSecondDevice, userID: userID, at: now
      ) { detail in
        context.audit.detail = detail
        return AuditInterceptor.event(of: context, from: limiter.addresses)
      }
      do throws(StoreError) {
        let outcome = try await store.migrate(
          capture.migrationID, of: capture.sessionID, into: userID, isPreview: isPreview, counting: counts, at: now,
          OffloadedDecision(decision, work: work))
        return (decision, outcome)
      } catch {
        guard error == .concurrentChange, attempt < Self.attemptsMax else {
          error.log()
          throw error.refusal.status
        }
      }
    }
    throw Reason.concurrentChange.status
  }

  func undoMigration(
    _ request: UndoMigrationRequest, context: ServerContext
  ) async throws(RPCStatus) -> UndoMigrationResponse {
    let principal = try context.user()
    let migrationID = try identifier(request.migrationId, "migration_id")
    context.audit.detail = "migration=\(migrationID)"
    let counts = limiter.counts(context, person: principal.userID.bytes)
    try limiter.answerFlood(counts, context)
    let event = AuditInterceptor.event(of: context, from: limiter.addresses)
    let now = Instant.now()
    let outcome = try await mappingStoreErrors { () throws(StoreError) in
      try await store.undoMigration(
        migrationID, of: principal.userID, committedSince: now.advanced(bySeconds: -Self.undoSecondsMax),
        counting: counts, audit: event, at: now
      ) { undone in
        UndoMigrationResponse(undone, at: now).protobufBytes()
      }
    }
    switch outcome {
    case .notFound: throw Reason.migrationNotFound.status
    case .tooLate: throw Reason.undoTooLate.status
    case .limited(let waits):
      try limiter.refuse(counts, waits, context)
      throw Reason.tooManyRequests.status
    case .undone(let bytes, let isReplay):
      guard let response = try? UndoMigrationResponse(protobufBytes: bytes) else {
        throw Reason.internalFault.status
      }
      if isReplay {
        context.addTrailingMetadata(ReplyReplay.metadataName, "true")
      } else {
        context.audit.isStored = true
      }
      return response
    }
  }

  func listMigrations(
    _ request: ListMigrationsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListMigrationsResponse {
    let userID = try context.user().userID
    let (migrations, events) = try await mappingStoreErrors { () throws(StoreError) in
      (
        try await store.migrations(of: userID, countMax: Self.listCountMax),
        try await store.auditEvents(of: userID, methods: Self.methods, countMax: Self.listCountMax)
      )
    }
    return ListMigrationsResponse(
      migrations: PageBytes.cut(migrations, countMax: migrations.count) {
        $0.result.count + ($0.undoResult?.count ?? 0)
      }.map { ListedMigration($0) },
      attempts: events.map { MigrationAttempt($0) })
  }
}

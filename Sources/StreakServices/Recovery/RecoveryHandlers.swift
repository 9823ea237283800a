internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Handles the recovery of one account. One per loop.
struct RecoveryHandlers: RecoveryService {
  /// The most recoveries in a list.
  static let listCountMax: Int32 = 100

  let store: StreakStore
  /// The service's backups; nil: there are none that can be read.
  let backups: (@Sendable () async -> Result<[Backup], OperatorBackend.Failure>)?
  let addresses: ClientAddresses

  func listRecoveryPoints(
    _ request: ListRecoveryPointsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListRecoveryPointsResponse {
    let points = try await points(of: try context.user().userID)
    return ListRecoveryPointsResponse(
      points: points.reversed().map { RecoveryPoint(name: $0.name, at: $0.moment) })
  }

  func requestRecovery(
    _ request: RequestRecoveryRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestRecoveryResponse {
    let userID = try context.user().userID
    let recoveryID = try identifier(request.recoveryId, "recovery_id")
    context.audit.detail = "recovery=\(recoveryID) point=\(request.point)"
    guard let point = try await points(of: userID).first(where: { $0.name == request.point }) else {
      throw Reason.recoveryPointNotFound.status
    }
    let wanted = RecoveryRecord(
      recoveryID: recoveryID, userID: userID, backup: point.name, backupAt: point.moment, requestedAt: .now())
    let recovery = try await mappingStoreErrors { () throws(StoreError) in try await store.request(wanted) }
    guard let recovery else { throw Reason.recoveryUnderWay.status }
    return RequestRecoveryResponse(recovery: Recovery(recovery))
  }

  func listRecoveries(
    _ request: ListRecoveriesRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListRecoveriesResponse {
    let userID = try context.user().userID
    let recoveries = try await mappingStoreErrors { () throws(StoreError) in
      try await store.recoveries(of: userID, countMax: Self.listCountMax)
    }
    return ListRecoveriesResponse(recoveries: recoveries.map { Recovery($0) })
  }

  func previewRecovery(
    _ request: PreviewRecoveryRequest, context: ServerContext
  ) async throws(RPCStatus) -> PreviewRecoveryResponse {
    let outcome = try await recover(request.recoveryId, isPreview: true, context) { plan, now in
      .success(PreviewRecoveryResponse(preview: RecoveryPreview(plan, at: now)).protobufBytes())
    }
    return try answer(outcome, context)
  }

  func confirmRecovery(
    _ request: ConfirmRecoveryRequest, context: ServerContext
  ) async throws(RPCStatus) -> ConfirmRecoveryResponse {
    context.audit.detail = "recovery=\((try? identifier(request.recoveryId, ""))?.description ?? "")"
    let outcome = try await recover(request.recoveryId, isPreview: false, context) { plan, now in
      let preview = RecoveryPreview(plan, at: now)
      guard plan.hash == request.planHash else { return .failure(Reason.planChanged.status.with(preview)) }
      return .success(ConfirmRecoveryResponse(done: preview, changeNumber: plan.changeNumber).protobufBytes())
    }
    if case .done = outcome { context.audit.isStored = true }
    return try answer(outcome, context)
  }

  func cancelRecovery(
    _ request: CancelRecoveryRequest, context: ServerContext
  ) async throws(RPCStatus) -> CancelRecoveryResponse {
    let userID = try context.user().userID
    let recoveryID = try identifier(request.recoveryId, "recovery_id")
    context.audit.detail = "recovery=\(recoveryID)"
    let isCancelled = try await mappingStoreErrors { () throws(StoreError) in
      try await store.cancelRecovery(recoveryID, of: userID)
    }
    guard let isCancelled else { throw Reason.recoveryNotFound.status }
    guard isCancelled else { throw Reason.recoveryNotReady.status }
    return CancelRecoveryResponse()
  }

  // MARK: Helpers

  /// Verified backups since the account was made, oldest first.
  private func points(of userID: Identifier) async throws(RPCStatus) -> [(name: String, moment: Instant)] {
    guard let backups else { throw Reason.backupsOff.status }
    let account = try await mappingStoreErrors { () throws(StoreError) in try await store.user(userID) }
    guard let account else { throw Reason.credentialsInvalid.status }
    let found: [Backup]
    switch await backups() {
    case .success(let all): found = all
    case .failure(let failure): throw failure.statusForPeople
    }
    return found.compactMap { backup in
      guard let moment = backup.beganAt?.instant, moment.seconds >= account.createdAt.seconds, backup.passedItsTrial
      else { return nil }
      return (backup.name, moment)
    }
  }

  private func recover(
    _ id: [UInt8], isPreview: Bool, _ context: ServerContext,
    _ reply: (RecoveryPlan, Instant) -> Result<[UInt8], RPCStatus>
  ) async throws(RPCStatus) -> RecoverOutcome<RPCStatus> {
    let userID = try context.user().userID
    let recoveryID = try identifier(id, "recovery_id")
    let event = isPreview ? nil : AuditInterceptor.event(of: context, from: addresses)
    let now = Instant.now()
    return try await mappingStoreErrors { () throws(StoreError) in
      try await store.recover(
        recoveryID, of: userID, isPreview: isPreview, at: now, audit: event,
        saved: { RecoveredRecords.ledger(of: $0, at: now) }, reply: { reply($0, now) })
    }
  }

  private func answer<Response: ProtobufMessage>(
    _ outcome: RecoverOutcome<RPCStatus>, _ context: ServerContext
  ) throws(RPCStatus) -> Response {
    let bytes: [UInt8]
    switch outcome {
    case .done(let made): bytes = made
    case .replayed(let stored):
      context.addTrailingMetadata(ReplyReplay.metadataName, "true")
      bytes = stored
    case .notFound: throw Reason.recoveryNotFound.status
    case .notReady: throw Reason.recoveryNotReady.status
    case .habitLimit: throw Reason.habitLimit.status
    case .refused(let status): throw status
    }
    guard let response = try? Response(protobufBytes: bytes) else { throw Reason.internalFault.status }
    return response
  }
}

extension Backup {
  /// The backup passed its trial restore, and no check has found a fault in it since.
  fileprivate var passedItsTrial: Bool {
    guard let trial, trial.failure.isEmpty else { return false }
    return lastCheck?.failure.isEmpty ?? true
  }
}

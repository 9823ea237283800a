internal import EventLoop
internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Handles the operators' methods: backups and the server's state. One per loop.
struct AdminHandlers: AdminService {
  let store: StreakStore
  let backend: OperatorBackend
  let startedAt: Instant

  /// The most attempts of backups that a status names.
  static let runsMax: Int32 = 10
  /// The milliseconds between two messages about a backup's progress.
  static let progressMilliseconds: UInt64 = 500

  func listBackups(
    _ request: ListBackupsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListBackupsResponse {
    switch await backend.backups() {
    case .success(let backups): return ListBackupsResponse(backups: backups)
    case .failure(let failure): throw failure.status
    }
  }

  func runBackup(
    _ request: RunBackupRequest, responses: ResponseWriter<RunBackupResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    let (backend, loop) = (backend, context.loop)
    // Continues when the operator's call ends.
    let run = Task(executorPreference: loop) { await backend.run() }
    let ticker = Task(executorPreference: loop) {
      while !Task.isCancelled {
        await loop.sleep(milliseconds: Self.progressMilliseconds)
        guard !Task.isCancelled else { return }
        do throws(RPCStatus) {
          try await responses.write(RunBackupResponse(progress: backend.progress()))
        } catch {
          return
        }
      }
    }
    let result = await run.value
    ticker.cancel()
    await ticker.value
    switch result {
    case .success(let backup): try await responses.write(RunBackupResponse(backup: backup))
    case .failure(let failure): throw failure.status
    }
  }

  func verifyBackup(
    _ request: VerifyBackupRequest, context: ServerContext
  ) async throws(RPCStatus) -> VerifyBackupResponse {
    switch await backend.verify(request.name) {
    case .success(let check): return VerifyBackupResponse(check: check)
    case .failure(let failure): throw failure.status
    }
  }

  /// The most recoveries in a list.
  static let requestsMax: Int32 = 100

  func listRecoveryRequests(
    _ request: ListRecoveryRequestsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListRecoveryRequestsResponse {
    let requests = try await mappingStoreErrors { () throws(StoreError) in
      try await store.recoveryRequests(countMax: Self.requestsMax)
    }
    return ListRecoveryRequestsResponse(
      requests: requests.map { RecoveryRequest($0) })
  }

  func fulfilRecovery(
    requests: RequestStream<FulfilRecoveryRequest>, context: ServerContext
  ) async throws(RPCStatus) -> FulfilRecoveryResponse {
    guard let begin = try await requests.next()?.begin else {
      throw Reason.invalidField("begin", "must be set in the first request")
    }
    let recoveryID = try identifier(begin.recoveryId, "begin.recovery_id")
    let userID = try identifier(begin.userId, "begin.user_id")
    // The event belongs to the person whose data was read.
    let caller = try context.caller()
    let about = "recovery=\(recoveryID) operator=\(caller.name)"
    context.principal = Principal(userID: userID)
    context.audit.detail = about
    guard try await mappingStoreErrors({ () throws(StoreError) in try await store.isErased(userID) }) == false else {
      context.principal = Principal(userID: .zero)
      context.audit.detail = "\(about) of somebody who was erased"
      throw Reason.recoveryNotFound.status(saying: "The account was erased: nothing of it comes back.")
    }
    var records = RecoveredRecords(at: .now())
    while let request = try await requests.next() {
      for record in request.records { try records.add(record) }
    }
    let found = begin.failure.isEmpty ? records.bytes : nil
    let recovery = try await mappingStoreErrors { () throws(StoreError) in
      try await store.fulfil(recoveryID, of: userID, records: found, failure: begin.failure)
    }
    guard let recovery else { throw Reason.recoveryNotFound.status }
    guard recovery.stage == .requested else { throw Reason.recoveryNotReady.status }
    return FulfilRecoveryResponse(
      habitCount: Int32(clamping: records.habitCount), cellCount: Int32(clamping: records.cellCount))
  }

  func getServerStatus(
    _ request: GetServerStatusRequest, context: ServerContext
  ) async throws(RPCStatus) -> GetServerStatusResponse {
    let (epoch, versions, runs) = try await mappingStoreErrors {
      () throws(StoreError) -> (Epoch, [Int32], [BackupRunRecord]) in
      (
        try await store.readEpoch(), try await store.schemaVersions(),
        try await store.backupRuns(countMax: Self.runsMax)
      )
    }
    return GetServerStatusResponse(
      startedAt: GoogleProtobufTimestamp(startedAt), unreadiness: backend.unreadiness() ?? "", epoch: epoch.number,
      schemaVersions: versions,
      backupRuns: runs.map { BackupRun($0) }, makesBackups: backend.makesBackups)
  }
}

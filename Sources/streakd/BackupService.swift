import EventLoop
import Logging
import Operations
import Schema
internal import struct StreakDomain.Instant
import StreakServices
import StreakStore
import Synchronization

/// Makes the daily backups, and maintains the erasure ledger beside them. One per process.
final class BackupService: Sendable {
  /// The state that operators see.
  struct State {
    /// When the newest good backup in the folder began, made by any process.
    var lastGood: Instant?
    /// Why the last attempt failed, of this process or in the database's rows; nil: it did not.
    var failure: String?
    /// Successful backups of this process.
    var succeededCount = 0
    var failedCount = 0
    var isRunning = false
    /// The last backup's sizes in bytes, and its duration in seconds.
    var lastDumpBytes: Int64 = 0
    var lastFileBytes: Int64 = 0
    var lastSeconds: Int64 = 0
    /// Why the folder cannot be used; nil if it can.
    var folderFailure: String?
    /// Whether the ledger may lack erasures, because it could not be written.
    var ledgerIsBehind = false
    var nextAttempt = Instant(seconds: 0)
  }

  /// Between two checks of the schedule and the ledger, in milliseconds.
  private static let lookMilliseconds: UInt64 = 10_000

  let settings: BackupSettings
  private let signingKey: BackupSigningKey
  let schedule: BackupSchedule?
  let progress = Progress()
  private let store: StreakStore
  private let loop: EventLoop
  private let logger: Logger
  private let started = Instant.now()
  private let state = Mutex(State())
  private let task = Mutex<Task<Void, Never>?>(nil)

  /// - Parameters:
  ///   - signingKey: Signs the backups, and says which of the folder's are believed.
  ///   - schedule: Nil: only the ledger is maintained.
  init(
    _ settings: BackupSettings, signingKey: BackupSigningKey, schedule: BackupSchedule?, store: StreakStore,
    loop: EventLoop, logger: Logger
  ) {
    self.settings = settings
    self.signingKey = signingKey
    self.schedule = schedule
    self.store = store
    self.loop = loop
    self.logger = logger
  }

  var current: State { state.withLock { $0 } }

  /// A warning for the operator; nil: none.
  var warning: String? {
    let state = current
    if let failure = state.folderFailure { return failure }
    if let failure = state.failure { return "the last backup failed: \(failure)" }
    if isOverdue {
      let hours = (Instant.now().seconds - (state.lastGood ?? started).seconds) / 3_600
      return "no backup has succeeded for \(hours) h"
    }
    return state.ledgerIsBehind ? "the erasure ledger cannot be written" : nil
  }

  /// The last attempt failed, or a backup has been due for hours.
  var isFailing: Bool { current.folderFailure != nil || current.failure != nil || isOverdue }

  private var isOverdue: Bool { schedule?.isOverdue(at: .now(), last: current.lastGood, since: started) ?? false }

  // MARK: The ledger

  /// Receives the service's erasures.
  var erasures: ErasureRecorder { ErasureRecorder { [self] records in await append(records) } }

  /// Makes the database and the ledger agree: users in the ledger are erased from the database, and
  /// users that the database has as erased are added to the ledger.
  ///
  /// - Parameter isNew: Whether to start a new ledger if it is missing although the database has
  ///   rows about one.
  func applyLedger(isNew: Bool) async throws {
    let (last, known) = try await Task(executorPreference: loop) { [store] in
      (try await store.lastGoodBackup(), try await store.erasures(since: Instant(seconds: 0)))
    }.value
    let isExpected = (last != nil || !known.people.isEmpty) && !isNew
    let content = try await ledgerContent(isExpected: isExpected).get()
    if let torn = content.tornLine { logger.warning("\(torn)") }
    noteRemoved(
      try await Task(executorPreference: loop) { [store] in try await store.apply(content.records) }.value)
    await append(known)
  }

  /// Reads the ledger, and makes it if it does not exist.
  private func ledgerContent(isExpected: Bool) async -> Result<ErasureLedger.Content, OperationsError> {
    let (path, key) = (settings.folder, signingKey)
    return await onOwnThread { () -> Result<ErasureLedger.Content, OperationsError> in
      do throws(OperationsError) {
        let ledger = ErasureLedger(path: "\(path)/erasures")
        if isExpected, !ledger.exists {
          throw .refused(
            "the erasure ledger \(ledger.path) is missing, although this database has had one: is the backup folder mounted, and the right one? "
              + "--new-backup-folder begins a new one: then people who were erased may come back with a restored database"
          )
        }
        _ = try BackupFolder(making: path)
        if ledger.exists {
          let content = try ledger.content(signedBy: BackupSigners(of: key))
          try ledger.create(key)
          return .success(content)
        }
        try ledger.create(key)
        return .success(try ledger.content(signedBy: BackupSigners(of: key)))
      } catch {
        return .failure(error)
      }
    }
  }

  /// Erases the ledger's users from a database that may have lost its last changes, before it
  /// serves calls.
  private func applyLedgerBeforeServing() async throws(StoreError) {
    let records: ErasureRecords
    switch await ledgerContent(isExpected: true) {
    case .success(let found): records = found.records
    case .failure(let error): throw .unavailable(reason: "the erasure ledger cannot be read: \(error)")
    }
    noteRemoved(try await store.applyBeforeServing(records))
  }

  private func noteRemoved(_ count: Int) {
    guard count > 0 else { return }
    logger.warning(
      "the database was restored to an earlier moment: erased people were removed", metadata: ["people": "\(count)"])
  }

  private func append(_ records: ErasureRecords) async {
    guard !records.people.isEmpty else { return }
    let (path, key) = (settings.folder, signingKey)
    let failure = await onOwnThread { () -> OperationsError? in
      do throws(OperationsError) {
        let folder = try BackupFolder(path)
        guard folder.ledger.exists else { throw .fileUnusable(folder.missingLedger) }
        try folder.ledger.append(records, key)
        return nil
      } catch {
        return error
      }
    }
    if let failure {
      state.withLock { $0.ledgerIsBehind = true }
      logger.error("the erasure ledger cannot be written; it will be tried again", metadata: ["reason": "\(failure)"])
    }
  }

  private func catchUp() async {
    guard state.withLock({ $0.ledgerIsBehind }) else { return }
    do throws(StoreError) {
      let records = try await store.erasures(since: Instant(seconds: 0))
      state.withLock { $0.ledgerIsBehind = false }
      await append(records)
    } catch {
      logger.debug("erasures cannot be read", metadata: ["reason": "\(error)"])
    }
  }

  // MARK: Backups

  /// Starts checking the schedule.
  func start() {
    store.onEpochRise { [weak self] _ throws(StoreError) in try await self?.applyLedgerBeforeServing() }
    let watch = Task(executorPreference: loop) { [self] in
      while !Task.isCancelled {
        await catchUp()
        await lookIntoFolder()
        if let schedule { await makeIfDue(schedule) }
        await loop.sleep(milliseconds: Self.lookMilliseconds)
      }
    }
    task.withLock { $0 = watch }
  }

  /// Stops checking the schedule; waits for a running backup, and cancels it when the time is up.
  func stop(graceMilliseconds: UInt64) async {
    let watch = task.withLock { $0 }
    watch?.cancel()
    let deadline = Task(executorPreference: loop) { [loop, progress, logger] in
      await loop.sleep(milliseconds: graceMilliseconds)
      guard !Task.isCancelled else { return }
      logger.warning("the time to stop is up: the running backup is cancelled")
      progress.cancel()
    }
    await watch?.value
    // A backup that an operator started with a call: the call has ended, the backup has not.
    while current.isRunning {
      await Task(executorPreference: loop) { [loop] in await loop.sleep(milliseconds: 20) }.value
    }
    deadline.cancel()
  }

  /// The folder decides: it may differ from the database's rows, be empty, or not be mounted.
  private func lookIntoFolder() async {
    let (path, key) = (settings.folder, signingKey)
    let found = await onOwnThread { () -> Result<Instant?, OperationsError> in
      do throws(OperationsError) {
        let folder = try BackupFolder(path)
        guard folder.ledger.exists else { throw .fileUnusable(folder.missingLedger) }
        return .success(try folder.lastGood(signedBy: BackupSigners(of: key)))
      } catch {
        return .failure(error)
      }
    }
    state.withLock { state in
      switch found {
      case .success(let last): (state.lastGood, state.folderFailure) = (last, nil)
      case .failure(let error): (state.lastGood, state.folderFailure) = (nil, error.description)
      }
    }
  }

  private func makeIfDue(_ schedule: BackupSchedule) async {
    let now = Instant.now()
    do throws(StoreError) {
      let failure = try await store.backupRuns(countMax: 1).first?.failure
      let (last, next) = state.withLock { state in
        state.failure = failure
        return (state.lastGood, state.nextAttempt)
      }
      guard schedule.isDue(at: now, last: last), now >= next else { return }
    } catch {
      return  // readiness reports the database
    }
    _ = await make(at: now, schedule)
  }

  /// Makes a backup if it is due or, without a schedule, at once.
  private func make(
    at now: Instant, _ schedule: BackupSchedule?
  ) async -> Result<(backup: Backup, cleanUp: PruneOutcome)?, OperationsError> {
    let scheduled = ScheduledBackups(schedule, settings, signingKey: signingKey, progress: progress)
    let isFirst = state.withLock { state in
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard isFirst else { return .failure(.underWay("this server makes a backup")) }
    logger.info("a backup begins")
    let result = await onOwnThread { () -> Result<(backup: Backup, cleanUp: PruneOutcome)?, OperationsError> in
      do throws(OperationsError) { return .success(try scheduled.run(at: now)) } catch { return .failure(error) }
    }
    note(result, began: now)
    return result
  }

  // MARK: Operators

  /// - Parameter service: Nil: there is no backup folder.
  static func backend(_ service: BackupService?, _ unreadiness: @escaping @Sendable () -> String?) -> OperatorBackend {
    OperatorBackend(
      makesBackups: service?.schedule != nil,
      backups: {
        guard let service else { return .failure(.backupsOff) }
        return await service.asked { folder throws(OperationsError) in try folder.backups() }
      },
      progress: {
        BackupProgress(
          dumpBytes: Int64(service?.progress.dumpBytes ?? 0), fileBytes: Int64(service?.progress.fileBytes ?? 0))
      },
      run: {
        guard let service, !service.settings.recipients.isEmpty else { return .failure(.backupsOff) }
        switch await service.make(at: .now(), nil) {
        case .success(let made?): return .success(made.backup)
        case .success(nil): return .failure(.backupUnderWay)
        case .failure(let error): return .failure(.init(error))
        }
      },
      verify: { name in
        guard let service else { return .failure(.backupsOff) }
        return await service.asked { folder throws(OperationsError) in try folder.verify(name) }
      }, unreadiness: unreadiness)
  }

  private func asked<Value: Sendable>(
    _ body: @escaping @Sendable (BackupFolder) throws(OperationsError) -> Value
  ) async -> Result<Value, OperatorBackend.Failure> {
    let path = settings.folder
    return await onOwnThread { () -> Result<Value, OperationsError> in
      do throws(OperationsError) { return .success(try body(try BackupFolder(path))) } catch { return .failure(error) }
    }.mapError { OperatorBackend.Failure($0) }
  }

  private func note(_ result: Result<(backup: Backup, cleanUp: PruneOutcome)?, OperationsError>, began: Instant) {
    let now = Instant.now()
    var failure: String?
    switch result {
    case .success(nil): break  // another process made it
    case .failure(.underWay): break
    case .success((let backup, let cleanUp)?):
      failure = backup.trial.flatMap { $0.failure.isEmpty ? nil : $0.failure }
      logger.info(
        "a backup was made",
        metadata: [
          "name": "\(backup.name)", "bytes": "\(backup.fileBytes)", "seconds": "\(now.seconds - began.seconds)",
          "removed": "\(cleanUp.removed.count)",
        ])
      for name in cleanUp.damaged { logger.error("a backup is damaged", metadata: ["name": "\(name)"]) }
      state.withLock { state in
        state.lastDumpBytes = backup.dumpBytes
        state.lastFileBytes = backup.fileBytes
        state.lastSeconds = now.seconds - began.seconds
        if failure == nil {
          state.succeededCount += 1
          state.lastGood = began
        }
      }
    case .failure(let error): failure = error.description
    }
    if let failure { logger.error("the backup failed", metadata: ["reason": "\(failure)"]) }
    state.withLock { state in
      state.isRunning = false
      state.failure = failure
      guard failure != nil else { return }
      state.failedCount += 1
      state.nextAttempt = now.advanced(bySeconds: BackupSchedule.retrySeconds)
    }
  }
}

extension OperatorBackend.Failure {
  fileprivate init(_ error: OperationsError) {
    switch error {
    case .underWay: self = .backupUnderWay
    case .noSuchBackup: self = .noSuchBackup
    default: self = .failed(error.description)
    }
  }
}

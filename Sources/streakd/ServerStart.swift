import ArgumentParser
import EventLoop
import GRPCSchema
import Glibc
import Logging
import Mail
import Operations
import Postgres
import PrivateCluster
import ProgramSupport
import RPC
import Schema
import StreakServices
import StreakStore
import StreakWeb

/// Starts the parts of the server, from the checks of its settings to the port, each once the ones
/// before it run. `run()` is the list; they stop in the reverse order.
struct ServerStart {
  let settings: ServerSettings
  let inherited: InheritedSockets
  let threads: [EventLoopThread]
  /// The loop of what is there once.
  let first: EventLoop
  let stopping: StopSignal
  let parts: PartList
  let logger: Logger

  private var graceMilliseconds: UInt64 { UInt64(settings.graceSeconds) * 1_000 }
  private var loops: [EventLoop] { threads.map(\.loop) }

  /// Returns when calls are served.
  func run() async throws {
    let (settings, first, stopping, logger, loops) = (settings, first, stopping, logger, loops)
    let graceMilliseconds = graceMilliseconds

    try await parts.start("loops") {
      threads
    } stop: { threads in
      await stopping.close()
      for thread in threads { thread.stopAndJoin() }
    }
    let checked = try await parts.start("checks") { try await StartChecks(settings, inherited).run(logger) }
    let privileges = try await parts.start("privileges") {
      try await Privileges.drop(to: checked.user, settings, inherited, logger)
    } stop: {
      $0.end()
    }
    let cluster = try await parts.start("private PostgreSQL") {
      try await startCluster()
    } stop: {
      $0?.stop()
    }
    guard let connectionString = settings.database ?? cluster?.servingConnectionString else {
      throw ValidationError("There is no database.")
    }
    // Connects as the role that changes the schema; nil: the serving role does.
    let owner = settings.databaseOwner ?? cluster?.connectionString
    if let owner, settings.database == nil {
      // The owner makes the private PostgreSQL's serving role: no connection as that role is
      // possible before.
      try await prepare(owner, role: PrivateCluster.servingRoleName, isOwnCluster: true, checked)
    }
    let store = try await parts.start("store") {
      try StreakStore(
        connectionString: connectionString, loops: loops, connectionsPerLoop: settings.connectionsPerLoop,
        limits: settings.storeLimits, busyPollMicroseconds: settings.busyPollMicroseconds,
        ledgerCacheBytes: settings.ledgerCacheBytes, logger: logger)
    } stop: {
      await $0.close()
    }
    try await parts.start("schema") { try await openSchema(store, checked, owner: owner) }

    let backups = try await parts.start("backups") {
      try await startBackups(checked, owner ?? connectionString, store)
    } drain: {
      await $0?.stop(graceMilliseconds: graceMilliseconds)
    }
    let archive = try await parts.start("archive") {
      let archive = settings.database == nil ? ArchiveWatch(dataFolder: settings.dataFolder) : nil
      archive?.start()
      return archive
    } stop: {
      await $0?.stop()
    }
    try await parts.start("log of PostgreSQL") {
      cluster.map { Self.rotateLog(of: $0) }
    } stop: {
      $0?.cancel()
    }
    let readiness = Readiness(store: store, loop: first, logger: logger)
    try await parts.start("readiness") {
      readiness.watch(intervalSeconds: settings.healthSeconds)
    } stop: {
      await Self.end($0)
    }
    try await parts.start("housekeeping") {
      Housekeeping(store: store, loop: first, logger: logger).start()
    } stop: {
      await Self.end($0)
    }
    try await parts.start("sweep of erasures") {
      ErasureSweep(store: store, loop: first, logger: logger).start()
    } stop: {
      await Self.end($0)
    }
    let application = try await parts.start("application") {
      try StreakApplication(
        store: store, passwords: PasswordLimits(memoryMebibytes: settings.passwordMemoryMib), exports: settings.exports,
        rateLimits: settings.rateLimits,
        breachedPasswords: checked.breachedPasswords,
        erasures: backups?.erasures ?? .none, deletionDelaySeconds: Int64(settings.deletionDelaySeconds),
        operators: settings.operators.map { ($0, BackupService.backend(backups, { readiness.failure })) },
        mail: settings.mail?.appearance)
    } stop: {
      await $0.close()
    }
    try await parts.start("announced deletions") {
      DueDeletions(
        application: application, delaySeconds: settings.deletionDelaySeconds, loop: first, logger: logger
      ).start()
    } stop: {
      await Self.end($0)
    }
    let mail = settings.mail.map { mail in
      MailWorker(store: store, loop: first, settings: mail.appearance, logger: logger) { message in
        await onOwnThread { mail.transport.deliver(message) }
      }
    }
    try await parts.start("mail") {
      mail?.start()
    } drain: {
      $0?.cancel()
      await mail?.stop(graceMilliseconds: graceMilliseconds)
    }
    let server = try await parts.start("calls") {
      try await startCalls(application, readiness, checked, privileges)
    } drain: {
      // A running backup, and mails under way, share the calls' time limit.
      await $0.shutdown(graceMilliseconds: graceMilliseconds)
    }
    try await parts.start("certificates") {
      await startReloader(checked, privileges)
    } stop: { reloader in
      if let reloader { await Task(executorPreference: first) { reloader.value.close() }.value }
    }
    try await parts.start("admin") {
      try await startAdmin(
        privileges.adminSockets,
        AdminPages(
          server: server, store: store, limits: { application.limitCounts }, tls: checked.tls, backups: backups,
          archive: archive, mail: mail, stuckSeconds: settings.stuckSeconds, databaseWarning: { readiness.warning }
        ) {
          stopping.wasReceived ? "the server is stopping" : readiness.failure
        })
    } stop: {
      await $0?.close()
    }
    if settings.servesPage, let place = PageAddress.text(of: server.address, isSecure: checked.tls != nil) {
      logger.info("serving the page", metadata: ["address": "\(place)"])
    }
    // Unbuffered: the parent process may wait for this line.
    _ = Array("listening on \(server.address)\n".utf8).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
  }

  private static func end(_ task: Task<Void, Never>) async {
    task.cancel()
    await task.value
  }

  // MARK: The database

  /// The private PostgreSQL, if no database is given.
  private func startCluster() async throws -> PrivateCluster? {
    guard settings.database == nil else { return nil }
    logger.info("starting the private PostgreSQL", metadata: ["folder": "\(settings.dataFolder)"])
    let (folder, stopping, logger) = (settings.dataFolder, stopping, logger)
    return try await onOwnThread { () -> Result<PrivateCluster, PrivateClusterError> in
      do throws(PrivateClusterError) {
        return .success(
          try PrivateCluster.start(
            dataFolder: folder, report: { logger.warning("\($0)") }, isWanted: { !stopping.wasReceived }))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  private static func rotateLog(of cluster: PrivateCluster) -> Task<Void, Never> {
    Task {
      while !Task.isCancelled {
        cluster.rotateLog()
        try? await Task.sleep(nanoseconds: 60_000_000_000)
      }
    }
  }

  /// Brings the database to this program's schema, and opens the server key.
  private func openSchema(_ store: StreakStore, _ checked: StartChecks.Outcome, owner: String?) async throws {
    let first = first
    try await Task(executorPreference: first) { try await store.checkDatabase(on: first, migrates: owner == nil) }.value
    if let owner, settings.database != nil {
      let role = try await Task(executorPreference: first) { try await store.roleName() }.value
      try await prepare(owner, role: role, isOwnCluster: false, checked)
    } else if owner == nil {
      report(applied: try await Task(executorPreference: first) { try await store.migrateSchema() }.value)
    }
    if owner != nil { _ = try await Task(executorPreference: first) { try await store.readEpoch() }.value }
    try await ServerKeySetup(file: settings.serverKeyFile, found: checked.keys, logger: logger)
      .open(store, isOwner: owner == nil, on: first)
  }

  /// Applies the schema as its owner, and grants the serving role its rights.
  private func prepare(
    _ owner: String, role: String, isOwnCluster: Bool, _ checked: StartChecks.Outcome
  ) async throws {
    let (loop, logger) = (first, logger)
    let store = try StreakStore(connectionString: owner, loops: [loop], connectionsPerLoop: 1, logger: logger)
    let key = ServerKeySetup(file: settings.serverKeyFile, found: checked.keys, logger: logger)
    let result = await Task(executorPreference: loop) { () -> Result<[Int32], any Error> in
      do {
        try await store.checkDatabase(on: loop, migrates: true)
        let applied = try await store.migrateSchema()
        // The serving role gets fewer rights than an owner: applied to the owner itself, this would
        // remove its own rights.
        if try await store.roleName() == role {
          logger.warning(
            "--database-owner names the same role as --database: it serves with all of an owner's rights",
            metadata: ["role": "\(role)"])
        } else {
          try await store.letServe(role, isOwnCluster: isOwnCluster)
        }
        try await key.open(store, isOwner: true, on: loop)
        return .success(applied)
      } catch {
        return .failure(error)
      }
    }.value
    await store.close()
    report(applied: try result.get())
  }

  private func report(applied: [Int32]) {
    if !applied.isEmpty { logger.info("schema versions applied", metadata: ["versions": "\(applied)"]) }
  }

  // MARK: Parts

  /// Erases the ledger's users from the database, before the port is opened.
  private func startBackups(
    _ checked: StartChecks.Outcome, _ connectionString: String, _ store: StreakStore
  ) async throws -> BackupService? {
    guard let wanted = settings.backups, let signingKey = checked.signingKey else { return nil }
    var backup = BackupSettings(
      configuration: try PostgresConfiguration(connectionString: connectionString), folder: wanted.folder,
      recipients: wanted.recipient.map { [$0] } ?? [])
    backup.retentionDays = wanted.retentionDays
    backup.scratchFolder = wanted.scratchFolder
    backup.signingKey = signingKey
    try ScheduledBackups.removeLeftovers(in: wanted.scratchFolder)
    let schedule = wanted.recipient == nil ? nil : BackupSchedule(hour: wanted.hour)
    // The folder exists now: if it is missing later, its file system is not mounted.
    backup.makesFolder = false
    let service = BackupService(
      backup, signingKey: signingKey, schedule: schedule, store: store, loop: first, logger: logger)
    try await service.applyLedger(isNew: wanted.isNew)
    service.start()
    return service
  }

  private func startCalls(
    _ application: StreakApplication, _ readiness: Readiness, _ checked: StartChecks.Outcome,
    _ privileges: Privileges
  ) async throws -> RPCServer {
    let stopping = stopping
    let page = settings.servesPage ? WebPage.resources() : []
    return try await RPCServer.start(
      address: settings.listen, sockets: privileges.sockets, loops: loops, limits: settings.limits, tls: checked.tls,
      webOrigins: settings.webOrigins,
      interceptors: { application.interceptors(on: $0) },
      observer: AccessLog(logger: logger, level: settings.logsEveryCall ? .info : .debug),
      resources: { StaticResources(page, admits: application.admission(on: $0)) }
    ) { loop in
      let own = application.methods(on: loop)
      let services = Array(Set(own.map(\.descriptor.service)))
      let health = HealthService(services: services, isServing: { readiness.isReady && !stopping.wasReceived })
      let standard = [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
      ]
      let reflection = ReflectionService(
        services: services + standard, files: SchemaCatalog.files + GRPCSchemaCatalog.files)
      return own + health.methods + reflection.methods + ReflectionServiceV1Alpha(reflection).methods
    }
  }

  /// Reads the certificate's files again when they change; nil: there are none.
  private func startReloader(
    _ checked: StartChecks.Outcome, _ privileges: Privileges
  ) async -> LoopBound<CertificateReloader>? {
    guard let tls = checked.tls, let files = settings.tls else { return nil }
    let source = CertificateFiles(files: files, privileged: privileges.files)
    var seen = checked.tlsState
    if privileges.files != nil {
      // Once through root's program: it has its own words for a state, and later renewals need it.
      let (state, failure) = await onOwnThread { (source.state(), source.load(into: tls)) }
      if let failure {
        logger.error("the TLS certificate cannot be read again", metadata: ["reason": "\(failure)"])
      }
      seen = state
    }
    let (known, loop, logger, checkSeconds) = (seen, first, logger, settings.tlsCheckSeconds)
    return await Task(executorPreference: loop) {
      LoopBound(
        CertificateReloader(
          context: tls, source: source, seen: known, checkSeconds: checkSeconds, loop: loop, logger: logger),
        loop: loop)
    }.value
  }

  private func startAdmin(_ sockets: SocketReservation?, _ pages: AdminPages) async throws -> RunningAdmin? {
    guard let address = settings.adminListen else { return nil }
    let admin = try await RunningAdmin(address: address, sockets: sockets, hosts: settings.adminHosts, pages: pages)
    logger.info("serving /metrics, /livez and /readyz", metadata: ["address": "\(admin.address)"])
    return admin
  }
}

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
import ServerReference
import StreakServices
import StreakStore
import StreakWeb
import Synchronization
import TLS

extension ArgumentHelp {
  /// The help text of a setting in the table.
  fileprivate static func of(_ setting: Setting) -> ArgumentHelp {
    ArgumentHelp("\(setting.help)", valueName: setting.value?.lowercased())
  }
}

/// The server program: reads the settings, starts the parts, serves until SIGTERM or SIGINT, and
/// stops in order.
struct Streakd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streakd",
    abstract: "The sync backend of a streak app: a gRPC service on PostgreSQL.",
    discussion: """
      Without --database it runs its own private PostgreSQL in the data folder. Every option can also be given in the \
      environment (STREAKD_LISTEN for --listen, and so on) or in a file (--config); an option wins over the environment, the \
      environment over the file. The file has a NAME = VALUE on each line, with the options' names without --; a # begins a comment, at a \
      line's begin or after a space; a value may stand in quotes, which it must if it holds such a #. A flag's value is true or false (also yes and no, on and off, 1 and 0).

      On SIGTERM or SIGINT it notifies its clients, lets open calls end, and stops.
      """, version: ProgramVersion.text(of: "streakd"))

  // Meanings, defaults and ranges are in the table of `ServerReference`.
  @Option(help: .of(.listen)) var listen: String?
  @Option(help: .of(.user)) var user: String?
  @Option(help: .of(.web)) var web: String?
  @Option(help: .of(.dataFolder)) var dataFolder: String?
  @Option(help: .of(.database)) var database: String?
  @Option(help: .of(.databaseOwner)) var databaseOwner: String?
  @Option(help: .of(.serverKeyFile)) var serverKeyFile: String?
  @Option(help: .of(.loops)) var loops: Int?
  @Option(help: .of(.connectionsPerLoop)) var connectionsPerLoop: Int?
  @Option(help: .of(.busyPollMicroseconds)) var busyPollMicroseconds: Int?
  @Option(help: .of(.ledgerCacheMib)) var ledgerCacheMib: Int?
  @Option(help: .of(.graceSeconds)) var graceSeconds: Int?
  @Option(help: .of(.connectionsMax)) var connectionsMax: Int?
  @Option(help: .of(.connectionsPerAddressMax)) var connectionsPerAddressMax: Int?
  @Option(help: .of(.buffersMib)) var buffersMib: Int?
  @Option(help: .of(.idleSeconds)) var idleSeconds: Int?
  @Option(help: .of(.ageSeconds)) var ageSeconds: Int?
  @Option(help: .of(.keepaliveSeconds)) var keepaliveSeconds: Int?
  @Option(help: .of(.rateLimitFactor)) var rateLimitFactor: Int?
  @Option(help: .of(.callsPerPersonMax)) var callsPerPersonMax: Int?
  @Option(help: .of(.callsPerAddressMax)) var callsPerAddressMax: Int?
  @Option(help: .of(.streamsPerPersonMax)) var streamsPerPersonMax: Int?
  @Option(help: .of(.deletionDelaySeconds)) var deletionDelaySeconds: Int?
  @Option(help: .of(.textsPerPersonMib)) var textsPerPersonMib: Int?
  @Option(help: .of(.historyPerPersonMib)) var historyPerPersonMib: Int?
  @Option(help: .of(.inboxPerPersonMib)) var inboxPerPersonMib: Int?
  @Option(help: .of(.changesPerDayMax)) var changesPerDayMax: Int?
  @Option(help: .of(.transferGraceSeconds)) var transferGraceSeconds: Int?
  @Option(help: .of(.transferBytesPerSecondMin)) var transferBytesPerSecondMin: Int?
  @Option(help: .of(.trustedProxies)) var trustedProxies: String?
  @Option(help: .of(.passwordMemoryMib)) var passwordMemoryMib: Int?
  @Option(help: .of(.breachedPasswords)) var breachedPasswords: String?
  @Option(help: .of(.healthSeconds)) var healthSeconds: Int?
  @Option(help: .of(.logLevel)) var logLevel: String?
  @Flag(help: .of(.accessLog)) var accessLog = false
  @Option(help: .of(.logFormat)) var logFormat: String?
  @Option(help: .of(.webOrigins)) var webOrigins: String?
  @Option(help: .of(.adminListen)) var adminListen: String?
  @Option(help: .of(.adminHosts)) var adminHosts: String?
  @Option(help: .of(.stuckSeconds)) var stuckSeconds: Int?
  @Option(help: .of(.tlsCertificate)) var tlsCertificate: String?
  @Option(help: .of(.tlsKey)) var tlsKey: String?
  @Option(name: .customLong("tls-client-ca"), help: .of(.tlsClientCA)) var tlsClientCA: String?
  @Option(help: .of(.tlsCheckSeconds)) var tlsCheckSeconds: Int?
  @Flag(help: .of(.allowCleartext)) var allowCleartext = false
  @Option(help: .of(.operatorTokenFile)) var operatorTokenFile: String?
  @Option(help: .of(.backupFolder)) var backupFolder: String?
  @Option(help: .of(.backupRecipient)) var backupRecipient: String?
  @Option(help: .of(.backupHour)) var backupHour: Int?
  @Option(help: .of(.backupRetentionDays)) var backupRetentionDays: Int?
  @Option(help: .of(.backupScratchFolder)) var backupScratchFolder: String?
  @Option(help: .of(.backupSigningKey)) var backupSigningKey: String?
  @Flag(help: .of(.newBackupFolder)) var newBackupFolder = false
  @Option(name: .customLong("mail-smtp"), help: .of(.mailSMTP)) var mailSMTP: String?
  @Option(help: .of(.mailUser)) var mailUser: String?
  @Option(help: .of(.mailPasswordFile)) var mailPasswordFile: String?
  @Option(name: .customLong("mail-ca"), help: .of(.mailCA)) var mailCA: String?
  @Option(help: .of(.mailCommand)) var mailCommand: String?
  @Option(help: .of(.mailFrom)) var mailFrom: String?
  @Option(help: .of(.mailLinkBase)) var mailLinkBase: String?
  @Option(help: .of(.config)) var config: String?

  func run() async throws {
    let settings = try ServerSettings(self)
    LoggingSystem.bootstrap { label in
      var handler: any LogHandler =
        switch settings.logFormat {
        case .text: StreamLogHandler.standardError(label: label)
        case .json: JSONLogHandler()
        }
      handler.logLevel = settings.logLevel
      return handler
    }
    let logger = Logger(label: "streakd")
    signal(SIGPIPE, SIG_IGN)
    let inherited = try InheritedSockets()
    raiseDescriptorLimit()
    ProcessSecrets.forbidCoreDumps()

    let threads = (0..<settings.loops).map { _ in EventLoopThread() }
    guard let first = threads.first?.loop else { throw ValidationError("--loops must be at least 1.") }
    // From here on a signal stops the program in order, at any point of the start.
    let stopping = await StopSignal(loop: first, startGraceMilliseconds: UInt64(settings.graceSeconds) * 1_000)
    do {
      let checked = try await StartChecks(settings, inherited).run(logger)
      try stopping.check()
      let privileges = try await Privileges.drop(to: checked.user, settings, inherited, logger)
      defer { privileges.end() }
      try await run(settings, checked, privileges, threads, stopping, logger)
    } catch is StoppedDuringStart {
      logger.info("stopped before it served")
    } catch PrivateClusterError.stopped {
      logger.info("stopped before it served")
    }
  }

  /// Starts the private PostgreSQL if no database is given.
  private func run(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ privileges: Privileges,
    _ threads: [EventLoopThread], _ stopping: StopSignal, _ logger: Logger
  ) async throws {
    var cluster: PrivateCluster?
    if settings.database == nil {
      logger.info("starting the private PostgreSQL", metadata: ["folder": "\(settings.dataFolder)"])
      let folder = settings.dataFolder
      cluster = try await onOwnThread { () -> Result<PrivateCluster, PrivateClusterError> in
        do throws(PrivateClusterError) {
          return .success(
            try PrivateCluster.start(
              dataFolder: folder, report: { logger.warning("\($0)") }, isWanted: { !stopping.wasReceived }))
        } catch {
          return .failure(error)
        }
      }.get()
    }
    defer { cluster?.stop() }
    try stopping.check()
    guard let connectionString = settings.database ?? cluster?.servingConnectionString else {
      throw ValidationError("There is no database.")
    }
    try await serve(
      settings, checked, privileges, connectionString, owner: settings.databaseOwner ?? cluster?.connectionString,
      cluster, threads, stopping, logger)
  }

  /// - Parameter owner: Connects as the role that changes the schema; nil: the serving role does.
  private func serve(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ privileges: Privileges,
    _ connectionString: String, owner: String?,
    _ cluster: PrivateCluster?, _ threads: [EventLoopThread], _ stopping: StopSignal, _ logger: Logger
  ) async throws {
    let loops = threads.map(\.loop)
    let first = loops[0]
    // The owner makes the private PostgreSQL's serving role: no connection as that role is possible
    // before.
    if let owner, settings.database == nil {
      try await prepare(
        owner, role: PrivateCluster.servingRoleName, isOwnCluster: true, settings, checked, on: first, logger)
      try stopping.check()
    }
    let store = try StreakStore(
      connectionString: connectionString, loops: loops, connectionsPerLoop: settings.connectionsPerLoop,
      limits: settings.storeLimits, busyPollMicroseconds: settings.busyPollMicroseconds,
      ledgerCacheBytes: settings.ledgerCacheBytes,
      logger: logger
    )
    do {
      try await serveCalls(
        settings, checked, privileges, connectionString, owner: owner, cluster, store, loops: loops, stopping, logger)
    } catch {
      // The loops still run: objects that belong to them must be closed on them.
      await store.close()
      throw error
    }
    await stopping.close()
    for thread in threads { thread.stopAndJoin() }
    logger.info("stopped")
  }

  /// Runs from the schema's application to the end of the last call; the store is closed
  /// afterwards.
  private func serveCalls(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ privileges: Privileges,
    _ connectionString: String, owner: String?,
    _ cluster: PrivateCluster?, _ store: StreakStore, loops: [EventLoop],
    _ stopping: StopSignal, _ logger: Logger
  ) async throws {
    let first = loops[0]
    try await Task(executorPreference: first) { try await store.checkDatabase(on: first, migrates: owner == nil) }.value
    if let owner, settings.database != nil {
      let role = try await Task(executorPreference: first) { try await store.roleName() }.value
      try await prepare(owner, role: role, isOwnCluster: false, settings, checked, on: first, logger)
    } else if owner == nil {
      let applied = try await Task(executorPreference: first) { try await store.migrateSchema() }.value
      if !applied.isEmpty { logger.info("schema versions applied", metadata: ["versions": "\(applied)"]) }
    }
    if owner != nil { _ = try await Task(executorPreference: first) { try await store.readEpoch() }.value }
    try await ServerKeySetup(file: settings.serverKeyFile, found: checked.keys, logger: logger)
      .open(store, isOwner: owner == nil, on: first)
    try stopping.check()

    let backups = try await startBackups(settings, checked, owner ?? connectionString, store, first, logger)
    let archive = settings.database == nil ? ArchiveWatch(dataFolder: settings.dataFolder) : nil
    archive?.start()
    let logs = cluster.map { cluster in
      Task {
        while !Task.isCancelled {
          cluster.rotateLog()
          try? await Task.sleep(nanoseconds: 60_000_000_000)
        }
      }
    }
    defer { logs?.cancel() }
    let readiness = Readiness(store: store, loop: first, logger: logger)
    let checks = readiness.watch(intervalSeconds: settings.healthSeconds)
    let housekeeping = Housekeeping(store: store, loop: first, logger: logger).start()
    let application = try StreakApplication(
      store: store, passwords: PasswordLimits(memoryMebibytes: settings.passwordMemoryMib), exports: settings.exports,
      rateLimits: settings.rateLimits,
      breachedPasswords: checked.breachedPasswords,
      erasures: backups?.erasures ?? .none, deletionDelaySeconds: Int64(settings.deletionDelaySeconds),
      operators: settings.operators.map { ($0, BackupService.backend(backups, { readiness.failure })) },
      mail: settings.mail?.appearance)
    let deletions = DueDeletions(
      application: application, delaySeconds: settings.deletionDelaySeconds, loop: first, logger: logger
    ).start()
    let mail = settings.mail.map { mail in
      MailWorker(store: store, loop: first, settings: mail.appearance, logger: logger) { message in
        await onOwnThread { mail.transport.deliver(message) }
      }
    }
    let mailing = mail?.start()
    let tls = checked.tls
    let page = settings.servesPage ? WebPage.resources() : []
    let server = try await RPCServer.start(
      address: settings.listen, sockets: privileges.sockets, loops: loops, limits: settings.limits, tls: tls,
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
    var reloader: LoopBound<CertificateReloader>?
    if let tls, let files = settings.tls {
      let source = CertificateFiles(files: files, privileged: privileges.files)
      var seen = checked.tlsState
      if privileges.files != nil {
        // Once through root's program: it has its own words for a state, and later renewals need
        // it.
        let (state, failure) = await onOwnThread { (source.state(), source.load(into: tls)) }
        if let failure {
          logger.error("the TLS certificate cannot be read again", metadata: ["reason": "\(failure)"])
        }
        seen = state
      }
      let known = seen
      reloader = await Task(executorPreference: first) {
        LoopBound(
          CertificateReloader(
            context: tls, source: source, seen: known, checkSeconds: settings.tlsCheckSeconds, loop: first,
            logger: logger),
          loop: first)
      }.value
    }
    let admin = try await startAdmin(
      settings, privileges.adminSockets,
      AdminPages(
        server: server, store: store, limits: { application.limitCounts }, backups: backups, archive: archive,
        mail: mail,
        stuckSeconds: settings.stuckSeconds,
        databaseWarning: { readiness.warning }
      ) {
        stopping.wasReceived ? "the server is stopping" : readiness.failure
      },
      logger)
    if settings.servesPage, let place = PageAddress.text(of: server.address, isSecure: tls != nil) {
      logger.info("serving the page", metadata: ["address": "\(place)"])
    }
    // Unbuffered: the parent process may wait for this line.
    _ = Array("listening on \(server.address)\n".utf8).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }

    await stopping.wait()
    logger.info("stopping: no new calls, open ones get \(settings.graceSeconds) s")
    // A running backup shares the calls' time limit; its time does not start after theirs.
    let grace = UInt64(settings.graceSeconds) * 1_000
    let stoppedBackups = Task { await backups?.stop(graceMilliseconds: grace) }
    mailing?.cancel()
    let stoppedMail = Task { await mail?.stop(graceMilliseconds: grace) }
    await server.shutdown(graceMilliseconds: grace)
    if let reloader { await Task(executorPreference: first) { reloader.value.close() }.value }
    if let admin { await admin.close() }
    await stoppedBackups.value
    await stoppedMail.value
    await archive?.stop()
    for task in [checks, housekeeping, deletions] { task.cancel() }
    for task in [checks, housekeeping, deletions] { await task.value }
    await application.close()
    await store.close()
  }

  /// Applies the schema as its owner, and grants the serving role its rights.
  private func prepare(
    _ owner: String, role: String, isOwnCluster: Bool, _ settings: ServerSettings, _ checked: StartChecks.Outcome,
    on loop: EventLoop, _ logger: Logger
  ) async throws {
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
    let applied = try result.get()
    if !applied.isEmpty { logger.info("schema versions applied", metadata: ["versions": "\(applied)"]) }
  }

  /// Erases the ledger's users from the database, before the port is opened.
  private func startBackups(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ connectionString: String, _ store: StreakStore,
    _ loop: EventLoop, _ logger: Logger
  ) async throws -> BackupService? {
    guard let wanted = settings.backups else { return nil }
    var backup = BackupSettings(
      configuration: try PostgresConfiguration(connectionString: connectionString), folder: wanted.folder,
      recipients: wanted.recipient.map { [$0] } ?? [])
    backup.retentionDays = wanted.retentionDays
    backup.scratchFolder = wanted.scratchFolder
    backup.signingKey = checked.signingKey
    try ScheduledBackups.removeLeftovers(in: wanted.scratchFolder)
    let schedule = wanted.recipient == nil ? nil : BackupSchedule(hour: wanted.hour)
    // The folder exists now: if it is missing later, its file system is not mounted.
    backup.makesFolder = false
    let service = BackupService(backup, schedule: schedule, store: store, loop: loop, logger: logger)
    try await service.applyLedger(isNew: wanted.isNew)
    service.start()
    return service
  }

  private func startAdmin(
    _ settings: ServerSettings, _ sockets: SocketReservation?, _ pages: AdminPages, _ logger: Logger
  ) async throws -> RunningAdmin? {
    guard let address = settings.adminListen else { return nil }
    let admin = try await RunningAdmin(address: address, sockets: sockets, hosts: settings.adminHosts, pages: pages)
    logger.info("serving /metrics, /livez and /readyz", metadata: ["address": "\(admin.address)"])
    return admin
  }

  /// Raises the limit of descriptors to the system's maximum, because every connection needs one.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

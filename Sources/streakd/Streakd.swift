import ArgumentParser
import EventLoop
import GRPCSchema
import Glibc
import Logging
import Operations
import Postgres
import PrivateCluster
import RPC
import Schema
import StreakServices
import StreakStore
import Synchronization
import TLS

/// The server program: reads settings, starts what is needed, serves until SIGTERM or SIGINT, and stops in order.
@main
struct Streakd: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "streakd",
    abstract: "The sync backend of a streak app: a gRPC service on PostgreSQL.",
    discussion: """
      Without --database it runs its own private PostgreSQL in the data folder. Every option can also be given in the \
      environment (STREAKD_LISTEN for --listen, and so on) or in a file (--config); an option wins over the environment, the \
      environment over the file. The file has a NAME = VALUE on each line, with the options' names without --; a # begins a comment, at a \
      line's begin or after a space; a value may stand in quotes, which it must if it holds such a #. A flag's value is true.

      On SIGTERM or SIGINT it tells its clients, lets open calls end, and stops.
      """)

  @Option(help: "Address and port to listen on, or unix:PATH; port 0 takes any free one. (default: 127.0.0.1:50051)")
  var listen: String?

  @Option(help: "Where the private PostgreSQL keeps its data. (default: .streakd)")
  var dataFolder: String?

  @Option(
    help:
      "Use this PostgreSQL instead: a libpq URL or conninfo. With a password, use STREAKD_DATABASE: arguments are visible."
  )
  var database: String?

  @Option(
    help:
      "Change the schema as this role, a libpq URL or conninfo, and let --database's role do no more than serve. (default: --database)"
  )
  var databaseOwner: String?

  @Option(help: "Threads that serve, each with its own connections to PostgreSQL. (default: one for each core)")
  var loops: Int?

  @Option(help: "Connections to PostgreSQL for each loop, 2 to 64. (default: 4)")
  var connectionsPerLoop: Int?

  @Option(
    help:
      "Microseconds that a loop stays awake for the database's answer to a change that is alone, 0 to 10000; 0: it sleeps. (default: 3000)"
  )
  var busyPollMicroseconds: Int?

  @Option(
    help:
      "MiB for what the last changes of people left, so that their next ones need not load it, 0 to 65536; 0: nothing is remembered. (default: 32)"
  )
  var ledgerMemoryMib: Int?

  @Option(help: "Seconds that open calls get to end after SIGTERM. (default: 10)")
  var graceSeconds: Int?

  @Option(help: "Connections for each loop; one more is closed at once. (default: 20000)")
  var connectionsMax: Int?

  @Option(
    help: "Connections from one address for each loop. Behind a proxy all come from the proxy's. (default: 2000)")
  var connectionsPerAddressMax: Int?

  @Option(
    help:
      "MiB for each loop that requests and responses may take while peers send and take them, 16 to 65536: half for large requests, a quarter each for others and for responses. (default: 256)"
  )
  var buffersMib: Int?

  @Option(help: "Seconds that a connection without calls is kept; 0: for ever. (default: 300)")
  var idleSeconds: Int?

  @Option(
    help:
      "Age in seconds, give or take a tenth, at which a connection is asked to go elsewhere; 0: never. (default: 3600)")
  var ageSeconds: Int?

  @Option(help: "Seconds without a byte after which a connection with calls is pinged; 0: never. (default: 240)")
  var keepaliveSeconds: Int?

  @Option(
    help:
      "The schema's limits on sign-ups, sign-ins, exports and the like are multiplied with it; 0: none. (default: 1)")
  var rateLimitFactor: Int?

  @Option(help: "Calls of one signed-in person each second, for each loop; 0: no limit. (default: 2000)")
  var callsPerPersonMax: Int?

  @Option(help: "Streams that one signed-in person has open, for each loop, 1 to 10000. (default: 64)")
  var streamsPerPersonMax: Int?

  @Option(help: "Calls from one address each second, for each loop; 0: no limit. (default: 20000)")
  var callsPerAddressMax: Int?

  @Option(
    help:
      "MiB of text in one person's notes, habits and conflicts; a note beyond it is refused, its day is not. (default: 32)"
  )
  var textsPerPersonMib: Int?

  @Option(
    help:
      "MiB of superseded notes of one person; beyond it the hash of a superseded note is kept instead of it. (default: 32)"
  )
  var historyPerPersonMib: Int?

  @Option(
    help:
      "MiB of rejected operations and entries of one person; beyond it reason and hash are kept, not the payload. (default: 8)"
  )
  var inboxPerPersonMib: Int?

  @Option(
    help:
      "Seconds that the server waits in all for the client of an export or import before --transfer-bytes-per-second-min counts, 1 to 600. (default: 20)"
  )
  var transferGraceSeconds: Int?

  @Option(
    help: "Least bytes a second at which an export is read and an import sent; slower ones are ended. (default: 8192)")
  var transferBytesPerSecondMin: Int?

  @Option(
    help:
      "Changes of one person's data on one day (UTC); calls beyond it are told to come back; 0: no limit. (default: 100000)"
  )
  var changesPerDayMax: Int?

  @Option(
    help:
      "Proxies whose x-forwarded-for is believed: addresses, ADDRESS/BITS, or unix for the Unix socket, separated by commas."
  )
  var trustedProxies: String?

  @Option(
    help:
      "A file of passwords that nobody may choose: one on each line, or its SHA-1 as 40 hexadecimal digits, :COUNT after it or not."
  )
  var breachedPasswords: String?

  @Option(help: "Seconds between two checks of the database for the health service. (default: 1)")
  var healthSeconds: Int?

  @Option(help: "Least severe messages to log: trace, debug, info, notice, warning, error or critical. (default: info)")
  var logLevel: String?

  @Flag(help: "Log every call at info; without it at debug.")
  var accessLog = false

  @Option(help: "How log lines look: text, or json, one object for each line. (default: text)")
  var logFormat: String?

  @Option(
    help: "Address and port for /metrics, /livez and /readyz over HTTP/1.1, or unix:PATH, or off. (default: off)")
  var adminListen: String?

  @Option(
    help: "Seconds without a sign of life from a serving loop after which /livez says so, 1 to 3600. (default: 10)")
  var stuckSeconds: Int?

  @Option(help: "Serve with TLS: a PEM file with the certificate and those up to the root. Read again on SIGHUP.")
  var tlsCertificate: String?

  @Option(help: "The PEM file with the certificate's key.")
  var tlsKey: String?

  @Option(
    name: .customLong("tls-client-ca"),
    help: "Serve only clients with a certificate signed by one of these; a PEM file.")
  var tlsClientCA: String?

  @Option(help: "Seconds between two looks whether the certificate's files have changed, 1 to 86400. (default: 60)")
  var tlsCheckSeconds: Int?

  @Flag(help: "Serve without TLS on an address that other machines reach.")
  var allowCleartext = false

  @Option(help: "Serve AdminService to whoever has the token in this file, 32 bytes or more.")
  var operatorTokenFile: String?

  @Option(help: "Where backups and the erasure ledger lie. Several processes that share a database share it too.")
  var backupFolder: String?

  @Option(
    help:
      "Make a backup every day, encrypted to this public key of age (age1...), or to those in a file. Keep the private key elsewhere."
  )
  var backupRecipient: String?

  @Option(help: "The hour of the day, in UTC, at which the daily backup begins. (default: 3)")
  var backupHour: Int?

  @Option(help: "Days that backups are kept; the last good one is kept for ever. (default: 30)")
  var backupRetentionDays: Int?

  @Option(help: "Where backups are restored on trial; needs room for the whole database. (default: /var/tmp)")
  var backupScratchFolder: String?

  @Option(
    help: "The file with the key that signs backups, made if there is none. (default: see streakctl backup signer)")
  var backupSigningKey: String?

  @Flag(
    help:
      "Begin a new erasure ledger in --backup-folder although the database had one: people who were erased may be missing from it."
  )
  var newBackupFolder = false

  @Option(help: "A file with more settings.")
  var config: String?

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
    raiseDescriptorLimit()
    ProcessSecrets.forbidCoreDumps()

    let threads = (0..<settings.loops).map { _ in EventLoopThread() }
    guard let first = threads.first?.loop else { throw ValidationError("--loops must be at least 1.") }
    // From here on a signal ends the program in order, however far the start is.
    let stopping = await StopSignal(loop: first, startGraceMilliseconds: UInt64(settings.graceSeconds) * 1_000)
    do {
      let checked = try await StartChecks(settings).run(logger)
      try stopping.check()
      try await run(settings, checked, threads, stopping, logger)
    } catch is StoppedDuringStart {
      logger.info("stopped before it served")
    } catch PrivateClusterError.stopped {
      logger.info("stopped before it served")
    }
  }

  /// With the private PostgreSQL, if there is no other.
  private func run(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ threads: [EventLoopThread], _ stopping: StopSignal,
    _ logger: Logger
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
      settings, checked, connectionString, owner: settings.databaseOwner ?? cluster?.connectionString, cluster,
      threads, stopping, logger)
  }

  /// - Parameter owner: Connects as the role that changes the schema; nil: the one that serves does.
  private func serve(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ connectionString: String, owner: String?,
    _ cluster: PrivateCluster?, _ threads: [EventLoopThread], _ stopping: StopSignal, _ logger: Logger
  ) async throws {
    let loops = threads.map(\.loop)
    let first = loops[0]
    // The private PostgreSQL's serving role is made by its owner: nothing may connect as it before.
    if let owner, settings.database == nil {
      try await prepare(owner, role: PrivateCluster.servingRoleName, isOwnCluster: true, on: first, logger)
      try stopping.check()
    }
    let store = try StreakStore(
      connectionString: connectionString, loops: loops, connectionsPerLoop: settings.connectionsPerLoop,
      limits: settings.storeLimits, busyPollMicroseconds: settings.busyPollMicroseconds,
      ledgerMemoryBytes: settings.ledgerMemoryBytes,
      logger: logger
    )
    do {
      try await serveCalls(
        settings, checked, connectionString, owner: owner, cluster, store, loops: loops, stopping, logger)
    } catch {
      // The loops go on: what lives on them must end on them.
      await store.close()
      throw error
    }
    await stopping.close()
    for thread in threads { thread.stopAndJoin() }
    logger.info("stopped")
  }

  /// From the schema's application to the last call's end; the store is closed then.
  private func serveCalls(
    _ settings: ServerSettings, _ checked: StartChecks.Outcome, _ connectionString: String, owner: String?,
    _ cluster: PrivateCluster?, _ store: StreakStore, loops: [EventLoop],
    _ stopping: StopSignal, _ logger: Logger
  ) async throws {
    let first = loops[0]
    try await Task(executorPreference: first) { try await store.checkDatabase(on: first, migrates: owner == nil) }.value
    if let owner, settings.database != nil {
      let role = try await Task(executorPreference: first) { try await store.roleName() }.value
      try await prepare(owner, role: role, isOwnCluster: false, on: first, logger)
    } else if owner == nil {
      let applied = try await Task(executorPreference: first) { try await store.migrateSchema() }.value
      if !applied.isEmpty { logger.info("schema versions applied", metadata: ["versions": "\(applied)"]) }
    }
    if owner != nil { _ = try await Task(executorPreference: first) { try await store.readEpoch() }.value }
    try stopping.check()

    let backups = try await startBackups(settings, owner ?? connectionString, store, first, logger)
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
    let breached = try settings.breachedPasswords.map { try BreachedPasswords(file: $0) } ?? BreachedPasswords()
    let application = try StreakApplication(
      store: store, exports: settings.exports, rateLimits: settings.rateLimits, breachedPasswords: breached,
      erasures: backups?.erasures ?? .none,
      operators: settings.operatorToken.map { ($0, BackupKeeper.backend(backups, { readiness.failure })) })
    let tls = checked.tls
    let server = try await RPCServer.start(
      address: settings.listen, loops: loops, limits: settings.limits, tls: tls,
      interceptors: { application.interceptors(on: $0) },
      observer: AccessLog(logger: logger, level: settings.logsEveryCall ? .info : .debug)
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
      reloader = await Task(executorPreference: first) {
        LoopBound(
          CertificateReloader(
            context: tls, files: files, checkSeconds: settings.tlsCheckSeconds, loop: first, logger: logger),
          loop: first)
      }.value
    }
    let admin = try await startAdmin(
      settings,
      AdminPages(
        server: server, store: store, limits: { application.limitCounts }, backups: backups, archive: archive,
        stuckSeconds: settings.stuckSeconds,
        databaseWarning: { readiness.warning }
      ) {
        stopping.wasReceived ? "the server is stopping" : readiness.failure
      },
      logger)
    // Unbuffered: whoever started the program waits for this line.
    _ = Array("listening on \(server.address)\n".utf8).withUnsafeBytes { write(1, $0.baseAddress, $0.count) }

    await stopping.wait()
    logger.info("stopping: no new calls, open ones get \(settings.graceSeconds) s")
    // A backup gets the time that calls get, not more after them.
    let grace = UInt64(settings.graceSeconds) * 1_000
    let stoppedBackups = Task { await backups?.stop(graceMilliseconds: grace) }
    await server.shutdown(graceMilliseconds: grace)
    if let reloader { await Task(executorPreference: first) { reloader.value.close() }.value }
    if let admin { await admin.close() }
    await stoppedBackups.value
    await archive?.stop()
    for task in [checks, housekeeping] { task.cancel() }
    for task in [checks, housekeeping] { await task.value }
    await application.close()
    await store.close()
  }

  /// Applies the schema as its owner, and lets the role that serves do so.
  private func prepare(
    _ owner: String, role: String, isOwnCluster: Bool, on loop: EventLoop, _ logger: Logger
  ) async throws {
    let store = try StreakStore(connectionString: owner, loops: [loop], connectionsPerLoop: 1, logger: logger)
    let result = await Task(executorPreference: loop) { () -> Result<[Int32], any Error> in
      do {
        try await store.checkDatabase(on: loop, migrates: true)
        let applied = try await store.migrateSchema()
        // What the serving role gets is less than an owner has: its own rights would be taken away.
        if try await store.roleName() == role {
          logger.warning(
            "--database-owner names the same role as --database: it serves with all of an owner's rights",
            metadata: ["role": "\(role)"])
        } else {
          try await store.letServe(role, isOwnCluster: isOwnCluster)
        }
        return .success(applied)
      } catch {
        return .failure(error)
      }
    }.value
    await store.close()
    let applied = try result.get()
    if !applied.isEmpty { logger.info("schema versions applied", metadata: ["versions": "\(applied)"]) }
  }

  /// Makes everybody absent who is in the erasure ledger, before the port is opened.
  private func startBackups(
    _ settings: ServerSettings, _ connectionString: String, _ store: StreakStore, _ loop: EventLoop, _ logger: Logger
  ) async throws -> BackupKeeper? {
    guard let wanted = settings.backups else { return nil }
    var backup = BackupSettings(
      configuration: try PostgresConfiguration(connectionString: connectionString), folder: wanted.folder,
      recipients: wanted.recipient.map { [$0] } ?? [])
    backup.retentionDays = wanted.retentionDays
    backup.scratchFolder = wanted.scratchFolder
    backup.signingKeyFile = wanted.signingKeyFile
    try ScheduledBackups.removeLeftovers(in: wanted.scratchFolder)
    let schedule = wanted.recipient == nil ? nil : BackupSchedule(hour: wanted.hour)
    // Once it has been found or made, a folder that is not there is not mounted.
    backup.makesFolder = false
    let keeper = BackupKeeper(backup, schedule: schedule, store: store, loop: loop, logger: logger)
    try await keeper.applyLedger(isNew: wanted.isNew)
    keeper.start()
    return keeper
  }

  private func startAdmin(_ settings: ServerSettings, _ pages: AdminPages, _ logger: Logger) async throws
    -> RunningAdmin?
  {
    guard let address = settings.adminListen else { return nil }
    let admin = try await RunningAdmin(address: address, pages: pages)
    logger.info("serving /metrics, /livez and /readyz", metadata: ["address": "\(admin.address)"])
    return admin
  }

  /// Every connection is a descriptor: takes as many as the system allows this process.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

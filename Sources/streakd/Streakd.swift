import ArgumentParser
import EventLoop
import Glibc
import Logging
import Operations
import PrivateCluster
import ProgramSupport
import ServerReference

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
  @Option(help: .of(.stashPerAddressMib)) var stashPerAddressMib: Int?
  @Option(help: .of(.streamsPerPersonMax)) var streamsPerPersonMax: Int?
  @Option(help: .of(.deletionDelaySeconds)) var deletionDelaySeconds: Int?
  @Option(help: .of(.textsPerPersonMib)) var textsPerPersonMib: Int?
  @Option(help: .of(.historyPerPersonMib)) var historyPerPersonMib: Int?
  @Option(help: .of(.historyStatesPerPersonMib)) var historyStatesPerPersonMib: Int?
  @Option(help: .of(.inboxPerPersonMib)) var inboxPerPersonMib: Int?
  @Option(help: .of(.auditPerPersonMib)) var auditPerPersonMib: Int?
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
    let parts = PartList(check: { try stopping.check() })
    let start = ServerStart(
      settings: settings, inherited: inherited, threads: threads, first: first, stopping: stopping, parts: parts,
      logger: logger)
    do {
      try await start.run()
      await stopping.wait()
      logger.info("stopping: no new calls, open ones get \(settings.graceSeconds) s")
      StopDeadline.start(graceSeconds: settings.graceSeconds, parts.stopping, logger)
      await parts.stop()
      logger.info("stopped")
    } catch {
      StopDeadline.start(graceSeconds: settings.graceSeconds, parts.stopping, logger)
      await parts.stop()
      switch error {
      case is StoppedDuringStart, PrivateClusterError.stopped: logger.info("stopped before it served")
      default: throw error
      }
    }
  }

  /// Raises the limit of descriptors to the system's maximum, because every connection needs one.
  private func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}

import ArgumentParser
import EventLoop
import Glibc
import Logging
import RPC
import StreakDomain
import StreakServices
import StreakStore
import TLS

/// What the program was told: by options, else by the environment, else by the file, else the defaults.
struct ServerSettings {
  let listen: SocketAddress
  let dataFolder: String
  let database: String?
  /// Who changes the schema; nil: whoever serves.
  let databaseOwner: String?
  /// Nil: in cleartext.
  let tls: TLSServerFiles?
  let loops: Int
  let connectionsPerLoop: Int
  let graceSeconds: Int
  let healthSeconds: Int
  let tlsCheckSeconds: Int
  let busyPollMicroseconds: Int
  let ledgerMemoryBytes: Int
  let stuckSeconds: Int
  let limits: RPCLimits
  let rateLimits: RateLimitSettings
  let storeLimits: StoreLimits
  let transferGraceSeconds: Int
  let transferBytesPerSecondMin: Int
  /// A file; nil: only the built-in list.
  let breachedPasswords: String?
  let logLevel: Logger.Level
  let logFormat: LogFormat
  let logsEveryCall: Bool
  /// Nil: there is no admin server.
  let adminListen: SocketAddress?
  /// Nil: there are no operators.
  let operatorToken: OperatorToken?
  /// Nil: there is no backup folder.
  let backups: Backups?

  struct Backups {
    let folder: String
    /// Nil: this process makes none.
    let recipient: String?
    let hour: Int
    let retentionDays: Int
    let scratchFolder: String
    /// Nil: where the machine keeps it.
    let signingKeyFile: String?
    /// Take a folder without its erasure ledger, although there was one.
    let isNew: Bool
  }

  enum LogFormat: String {
    case text
    case json
  }

  /// An export holds a connection: half of a loop's are left to other calls.
  var exports: ExportLimits {
    var limits = ExportLimits()
    limits.runningPerLoopMax = connectionsPerLoop / 2
    (limits.graceSeconds, limits.bytesPerSecondMin) = (transferGraceSeconds, transferBytesPerSecondMin)
    return limits
  }

  /// Bytes of a settings file.
  static let fileBytesMax = 65_536

  init(_ command: Streakd) throws {
    let file = try command.config.map { try Self.read($0) } ?? [:]
    func text(_ name: String, _ option: String?) -> String? {
      let variable = "STREAKD_" + name.uppercased().replacing("-", with: "_")
      return option ?? getenv(variable).map { String(cString: $0) } ?? file[name]
    }
    func number(_ name: String, _ option: Int?, _ range: ClosedRange<Int>, default fallback: Int) throws -> Int {
      guard let text = text(name, option.map(String.init)) else { return fallback }
      guard let number = Int(text), range.contains(number) else {
        throw ValidationError("\(name) must be a number from \(range.lowerBound) to \(range.upperBound), not \(text).")
      }
      return number
    }

    let address = text("listen", command.listen) ?? "127.0.0.1:50051"
    guard let listen = SocketAddress(parsing: address) else {
      throw ValidationError("listen must be ADDRESS:PORT with a numeric address, or unix:PATH, not \(address).")
    }
    switch (text("tls-certificate", command.tlsCertificate), text("tls-key", command.tlsKey)) {
    case (nil, nil): tls = nil
    case (let certificate?, let key?):
      tls = TLSServerFiles(
        certificateChain: certificate, privateKey: key,
        clientAuthorities: text("tls-client-ca", command.tlsClientCA))
    default: throw ValidationError("tls-certificate and tls-key go together.")
    }
    let allowsCleartext = command.allowCleartext || text("allow-cleartext", nil) == "true"
    guard listen.isLoopback || allowsCleartext || tls != nil else {
      throw ValidationError(
        "\(listen) is reachable from other machines, and without TLS tokens and passwords can be read on the way. Give a "
          + "--tls-certificate and --tls-key, or put a TLS proxy in front and listen on 127.0.0.1, or pass --allow-cleartext."
      )
    }
    self.listen = listen
    let adminAddress = text("admin-listen", command.adminListen) ?? "off"
    if adminAddress == "off" {
      adminListen = nil
    } else {
      guard let admin = SocketAddress(parsing: adminAddress) else {
        throw ValidationError(
          "admin-listen must be ADDRESS:PORT with a numeric address, unix:PATH, or off, not \(adminAddress).")
      }
      guard admin.isLoopback || allowsCleartext else {
        throw ValidationError(
          "\(admin) is reachable from other machines, and the admin pages are served without TLS. Listen on 127.0.0.1, or pass "
            + "--allow-cleartext.")
      }
      adminListen = admin
    }
    dataFolder = text("data-folder", command.dataFolder) ?? ".streakd"
    database = text("database", command.database)
    databaseOwner = text("database-owner", command.databaseOwner)
    guard databaseOwner == nil || database != nil else {
      throw ValidationError("database-owner goes with database; the private PostgreSQL has roles of its own.")
    }
    loops = try number("loops", command.loops, 1...256, default: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    connectionsPerLoop = try number("connections-per-loop", command.connectionsPerLoop, 2...64, default: 4)
    graceSeconds = try number("grace-seconds", command.graceSeconds, 0...3_600, default: 10)
    healthSeconds = try number("health-seconds", command.healthSeconds, 1...60, default: 1)
    tlsCheckSeconds = try number("tls-check-seconds", command.tlsCheckSeconds, 1...86_400, default: 60)
    busyPollMicroseconds = try number(
      "busy-poll-microseconds", command.busyPollMicroseconds, 0...10_000, default: 3_000)
    ledgerMemoryBytes =
      try number(
        "ledger-memory-mib", command.ledgerMemoryMib, 0...65_536, default: StreakStore.ledgerMemoryBytesDefault >> 20)
      << 20
    stuckSeconds = try number("stuck-seconds", command.stuckSeconds, 1...3_600, default: 10)
    var limits = RPCLimits()
    limits.connections.connectionsPerLoopMax = try number(
      "connections-max", command.connectionsMax, 1...1_000_000, default: limits.connections.connectionsPerLoopMax)
    limits.connections.connectionsPerAddressMax = try number(
      "connections-per-address-max", command.connectionsPerAddressMax, 1...1_000_000,
      default: limits.connections.connectionsPerAddressMax)
    limits.bufferBytesPerLoopMax =
      try number("buffers-mib", command.buffersMib, 16...65_536, default: limits.bufferBytesPerLoopMax >> 20) << 20
    func milliseconds(_ name: String, _ option: Int?, _ fallback: UInt64) throws -> UInt64 {
      UInt64(try number(name, option, 0...1_000_000, default: Int(fallback / 1_000))) * 1_000
    }
    limits.connections.idleMilliseconds = try milliseconds(
      "idle-seconds", command.idleSeconds, limits.connections.idleMilliseconds)
    limits.connections.ageMilliseconds = try milliseconds(
      "age-seconds", command.ageSeconds, limits.connections.ageMilliseconds)
    limits.connections.keepaliveMilliseconds = try milliseconds(
      "keepalive-seconds", command.keepaliveSeconds, limits.connections.keepaliveMilliseconds)
    self.limits = limits
    var rateLimits = RateLimitSettings()
    rateLimits.factor = try number("rate-limit-factor", command.rateLimitFactor, 0...1_000_000, default: 1)
    rateLimits.callsPerPersonPerSecondMax = try number(
      "calls-per-person-max", command.callsPerPersonMax, 0...1_000_000,
      default: rateLimits.callsPerPersonPerSecondMax)
    rateLimits.streamsPerPersonMax = try number(
      "streams-per-person-max", command.streamsPerPersonMax, 1...10_000, default: rateLimits.streamsPerPersonMax)
    rateLimits.callsPerAddressPerSecondMax = try number(
      "calls-per-address-max", command.callsPerAddressMax, 0...1_000_000,
      default: rateLimits.callsPerAddressPerSecondMax)
    for proxy in (text("trusted-proxies", command.trustedProxies) ?? "").split(separator: ",").map({
      String(SettingsFile.trim($0))
    }) {
      if proxy == "unix" {
        rateLimits.trustsUnixSocket = true
      } else if let range = AddressRange(proxy) {
        rateLimits.trustedProxies.append(range)
      } else {
        throw ValidationError(
          "trusted-proxies must be addresses, ADDRESS/BITS or unix, separated by commas, not \(proxy).")
      }
    }
    self.rateLimits = rateLimits
    var storeLimits = StoreLimits()
    func quota(_ name: String, _ option: Int?, _ fallback: Int) throws -> Int {
      try number(name, option, 1...1_024, default: fallback >> 20) << 20
    }
    let quotas = storeLimits.quotas
    storeLimits.quotas.textBytesMax = try quota("texts-per-person-mib", command.textsPerPersonMib, quotas.textBytesMax)
    storeLimits.quotas.historyBytesMax = try quota(
      "history-per-person-mib", command.historyPerPersonMib, quotas.historyBytesMax)
    storeLimits.quotas.inboxBytesMax = try quota(
      "inbox-per-person-mib", command.inboxPerPersonMib, quotas.inboxBytesMax)
    storeLimits.quotas.changesPerDayMax = try number(
      "changes-per-day-max", command.changesPerDayMax, 0...100_000_000, default: quotas.changesPerDayMax)
    self.storeLimits = storeLimits
    let transfers = ExportLimits()
    transferGraceSeconds = try number(
      "transfer-grace-seconds", command.transferGraceSeconds, 1...600, default: transfers.graceSeconds)
    transferBytesPerSecondMin = try number(
      "transfer-bytes-per-second-min", command.transferBytesPerSecondMin, 1...1_000_000_000,
      default: transfers.bytesPerSecondMin)
    breachedPasswords = text("breached-passwords", command.breachedPasswords)
    let level = text("log-level", command.logLevel) ?? "info"
    guard let logLevel = Logger.Level(rawValue: level) else {
      throw ValidationError("log-level must be trace, debug, info, notice, warning, error or critical, not \(level).")
    }
    self.logLevel = logLevel
    let format = text("log-format", command.logFormat) ?? "text"
    guard let logFormat = LogFormat(rawValue: format) else {
      throw ValidationError("log-format must be text or json, not \(format).")
    }
    self.logFormat = logFormat
    operatorToken = try text("operator-token-file", command.operatorTokenFile).map { path in
      var token = try Self.bytes(path)
      while token.last?.isWhitespace ?? false { token.removeLast() }
      guard let token = OperatorToken(token) else {
        throw ValidationError("\(path) must hold a token of 32 bytes or more, such as openssl rand -hex 32 makes.")
      }
      return token
    }
    let hour = try number("backup-hour", command.backupHour, 0...23, default: 3)
    let retentionDays = try number("backup-retention-days", command.backupRetentionDays, 1...36_500, default: 30)
    let recipient = text("backup-recipient", command.backupRecipient)
    backups = text("backup-folder", command.backupFolder).map { folder in
      Backups(
        folder: folder, recipient: recipient, hour: hour, retentionDays: retentionDays,
        scratchFolder: text("backup-scratch-folder", command.backupScratchFolder) ?? "/var/tmp",
        signingKeyFile: text("backup-signing-key", command.backupSigningKey),
        isNew: command.newBackupFolder || text("new-backup-folder", nil) == "true")
    }
    guard backups != nil || recipient == nil else { throw ValidationError("backup-recipient needs a backup-folder.") }
    logsEveryCall = command.accessLog || text("access-log", nil) == "true"
  }

  private static func bytes(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax)
    let count = fread(&bytes, 1, bytes.count, file)
    guard count < fileBytesMax else { throw ValidationError("\(path) is larger than \(fileBytesMax) bytes.") }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private static func read(_ path: String) throws -> [String: String] {
    let known: Set = [
      "listen", "data-folder", "database", "database-owner", "loops", "connections-per-loop",
      "busy-poll-microseconds", "ledger-memory-mib", "grace-seconds", "log-level",
      "allow-cleartext", "tls-certificate", "tls-key", "tls-client-ca", "tls-check-seconds", "connections-max",
      "connections-per-address-max", "buffers-mib", "idle-seconds", "age-seconds",
      "keepalive-seconds", "health-seconds", "stuck-seconds", "admin-listen", "access-log", "log-format",
      "rate-limit-factor",
      "calls-per-person-max", "calls-per-address-max", "texts-per-person-mib", "history-per-person-mib",
      "inbox-per-person-mib", "changes-per-day-max", "streams-per-person-max", "transfer-grace-seconds",
      "transfer-bytes-per-second-min", "trusted-proxies", "breached-passwords",
      "backup-folder",
      "backup-recipient", "operator-token-file", "backup-hour", "backup-retention-days", "backup-scratch-folder",
      "backup-signing-key", "new-backup-folder",
    ]
    return try SettingsFile(try bytes(path), path: path, names: known).values
  }
}

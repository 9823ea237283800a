import Admin
import ArgumentParser
import EventLoop
import Glibc
import Logging
import ProgramSupport
import RPC
import ServerReference
import StreakDomain
import StreakServices
import StreakStore
import TLS

/// The program's settings: from options, else from the environment, else from the file, else the
/// defaults.
struct ServerSettings {
  let listen: SocketAddress
  /// The user that a process started by root becomes; nil: the default.
  let user: String?
  /// The app's page is served beside the calls.
  let servesPage: Bool
  let dataFolder: String
  let database: String?
  /// The role that changes the schema; nil: the serving role.
  let databaseOwner: String?
  /// Holds the key-encryption keys.
  let serverKeyFile: String
  /// Nil: in cleartext.
  let tls: TLSServerFiles?
  let loops: Int
  let connectionsPerLoop: Int
  let graceSeconds: Int
  let healthSeconds: Int
  let tlsCheckSeconds: Int
  let busyPollMicroseconds: Int
  let ledgerCacheBytes: Int
  let stuckSeconds: Int
  let limits: RPCLimits
  let rateLimits: RateLimitSettings
  let storeLimits: StoreLimits
  let deletionDelaySeconds: Int
  let transferGraceSeconds: Int
  let transferBytesPerSecondMin: Int
  /// A file; nil: only the built-in list.
  let passwordMemoryMib: Int
  let breachedPasswords: String?
  let logLevel: Logger.Level
  let logFormat: LogFormat
  let logsEveryCall: Bool
  /// Nil: there is no admin server.
  let adminListen: SocketAddress?
  let adminHosts: AdminHosts
  let webOrigins: WebOrigins
  /// Nil: there is no operator.
  let operators: OperatorTokens?
  /// Nil: there is no backup folder.
  let backups: Backups?
  /// Nil: the server sends no mails.
  let mail: MailServiceSettings?

  struct Backups {
    let folder: String
    /// Nil: this process makes no backups.
    let recipient: String?
    let hour: Int
    let retentionDays: Int
    let scratchFolder: String
    /// Nil: the machine's standard path.
    let signingKeyFile: String?
    /// Accept a folder without its erasure ledger, although there was one before.
    let isNew: Bool
  }

  enum LogFormat: String {
    case text
    case json
  }

  /// An export occupies a connection: half of a loop's connections are left to other calls.
  var exports: ExportLimits {
    var limits = ExportLimits()
    limits.runningPerLoopMax = connectionsPerLoop / 2
    (limits.graceSeconds, limits.bytesPerSecondMin) = (transferGraceSeconds, transferBytesPerSecondMin)
    return limits
  }

  /// Most bytes of a settings file, or of a token's file.
  static let fileBytesMax = SettingsFile.bytesMax

  init(_ command: Streakd) throws {
    let file = try command.config.map { try Self.read($0) }
    func text(_ setting: Setting, _ option: String?) -> String? {
      option ?? environment(setting.variable) ?? file?[setting.name]
    }
    func textOrDefault(_ setting: Setting, _ option: String?) -> String {
      text(setting, option) ?? setting.fallback ?? ""
    }
    func number(_ setting: Setting, _ option: Int?, default fallback: Int = 0) throws -> Int {
      guard let text = text(setting, option.map(String.init)) else { return setting.number ?? fallback }
      let range = setting.range ?? Int.min...Int.max
      guard let number = Int(text), range.contains(number) else {
        throw ValidationError(
          "\(setting.name) must be a number from \(range.lowerBound) to \(range.upperBound), not \(text).")
      }
      return number
    }
    func flag(_ setting: Setting, _ option: Bool) throws -> Bool {
      if option { return true }
      if let value = environment(setting.variable) { return try SettingsFile.flag(value, of: setting.variable) }
      return try file?.flag(setting.name) ?? false
    }

    let address = textOrDefault(.listen, command.listen)
    guard let listen = SocketAddress(parsing: address) else {
      throw ValidationError("listen must be ADDRESS:PORT with a numeric address, or unix:PATH, not \(address).")
    }
    switch (text(.tlsCertificate, command.tlsCertificate), text(.tlsKey, command.tlsKey)) {
    case (nil, nil): tls = nil
    case (let certificate?, let key?):
      tls = TLSServerFiles(
        certificateChain: certificate, privateKey: key,
        clientAuthorities: text(.tlsClientCA, command.tlsClientCA))
    default: throw ValidationError("tls-certificate and tls-key go together.")
    }
    let allowsCleartext = try flag(.allowCleartext, command.allowCleartext)
    guard listen.isLoopback || allowsCleartext || tls != nil else {
      throw ValidationError(
        "\(listen) is reachable from other machines, and without TLS tokens and passwords can be read on the way. Give a "
          + "--tls-certificate and --tls-key, or put a TLS proxy in front and listen on 127.0.0.1, or pass --allow-cleartext."
      )
    }
    self.listen = listen
    user = text(.user, command.user)
    let web = textOrDefault(.web, command.web)
    guard web == "on" || web == "off" else { throw ValidationError("web must be on or off, not \(web).") }
    servesPage = web == "on"
    let adminAddress = textOrDefault(.adminListen, command.adminListen)
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
    adminHosts = AdminHosts(
      (text(.adminHosts, command.adminHosts) ?? "").split(separator: ",").map { String(SettingsFile.trim($0)) })
    let origins = (text(.webOrigins, command.webOrigins) ?? "").split(separator: ",")
      .map { String(SettingsFile.trim($0)) }
    for origin in origins where !WebOrigins.isOrigin(origin) {
      throw ValidationError(
        "web-origins must be origins such as https://app.example.com, without a path, or *; not \(origin).")
    }
    webOrigins = WebOrigins(Set(origins), responseHeaders: [ReplyReplay.metadataName])
    dataFolder = textOrDefault(.dataFolder, command.dataFolder)
    database = text(.database, command.database)
    databaseOwner = text(.databaseOwner, command.databaseOwner)
    guard databaseOwner == nil || database != nil else {
      throw ValidationError("database-owner goes with database; the private PostgreSQL has roles of its own.")
    }
    guard
      let keyFile = text(.serverKeyFile, command.serverKeyFile) ?? (database == nil ? "\(dataFolder)/server-key" : nil)
    else {
      throw ValidationError(
        "database needs a server-key-file: a path that every server of the database has the same file at, such as "
          + "/etc/streakd/server-key. It is made when the database is served for the first time.")
    }
    serverKeyFile = keyFile
    loops = try number(.loops, command.loops, default: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    connectionsPerLoop = try number(.connectionsPerLoop, command.connectionsPerLoop)
    graceSeconds = try number(.graceSeconds, command.graceSeconds)
    healthSeconds = try number(.healthSeconds, command.healthSeconds)
    tlsCheckSeconds = try number(.tlsCheckSeconds, command.tlsCheckSeconds)
    busyPollMicroseconds = try number(.busyPollMicroseconds, command.busyPollMicroseconds)
    ledgerCacheBytes =
      try number(.ledgerCacheMib, command.ledgerCacheMib)
      << 20
    stuckSeconds = try number(.stuckSeconds, command.stuckSeconds)
    var limits = RPCLimits()
    limits.connections.connectionsPerLoopMax = try number(.connectionsMax, command.connectionsMax)
    limits.connections.connectionsPerAddressMax = try number(
      .connectionsPerAddressMax, command.connectionsPerAddressMax)
    limits.bufferBytesPerLoopMax =
      try number(.buffersMib, command.buffersMib) << 20
    func milliseconds(_ setting: Setting, _ option: Int?) throws -> UInt64 {
      UInt64(try number(setting, option)) * 1_000
    }
    limits.connections.idleMilliseconds = try milliseconds(.idleSeconds, command.idleSeconds)
    limits.connections.ageMilliseconds = try milliseconds(.ageSeconds, command.ageSeconds)
    limits.connections.keepaliveMilliseconds = try milliseconds(.keepaliveSeconds, command.keepaliveSeconds)
    self.limits = limits
    var rateLimits = RateLimitSettings()
    rateLimits.factor = try number(.rateLimitFactor, command.rateLimitFactor)
    rateLimits.callsPerPersonPerSecondMax = try number(.callsPerPersonMax, command.callsPerPersonMax)
    rateLimits.streamsPerPersonMax = try number(.streamsPerPersonMax, command.streamsPerPersonMax)
    rateLimits.callsPerAddressPerSecondMax = try number(.callsPerAddressMax, command.callsPerAddressMax)
    rateLimits.stashBytesPerAddressMax = try number(.stashPerAddressMib, command.stashPerAddressMib) << 20
    for proxy in (text(.trustedProxies, command.trustedProxies) ?? "").split(separator: ",").map({
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
    storeLimits.quotas.textBytesMax = try number(.textsPerPersonMib, command.textsPerPersonMib) << 20
    storeLimits.quotas.historyBytesMax = try number(.historyPerPersonMib, command.historyPerPersonMib) << 20
    storeLimits.quotas.historyStatesBytesMax =
      try number(.historyStatesPerPersonMib, command.historyStatesPerPersonMib) << 20
    storeLimits.quotas.inboxBytesMax = try number(.inboxPerPersonMib, command.inboxPerPersonMib) << 20
    storeLimits.auditBytesPerPersonMax = Int64(try number(.auditPerPersonMib, command.auditPerPersonMib)) << 20
    storeLimits.quotas.changesPerDayMax = try number(.changesPerDayMax, command.changesPerDayMax)
    self.storeLimits = storeLimits
    deletionDelaySeconds = try number(.deletionDelaySeconds, command.deletionDelaySeconds)
    transferGraceSeconds = try number(.transferGraceSeconds, command.transferGraceSeconds)
    transferBytesPerSecondMin = try number(.transferBytesPerSecondMin, command.transferBytesPerSecondMin)
    passwordMemoryMib = try number(.passwordMemoryMib, command.passwordMemoryMib)
    breachedPasswords = text(.breachedPasswords, command.breachedPasswords)
    let level = textOrDefault(.logLevel, command.logLevel)
    guard let logLevel = Logger.Level(rawValue: level) else {
      throw ValidationError("log-level must be trace, debug, info, notice, warning, error or critical, not \(level).")
    }
    self.logLevel = logLevel
    let format = textOrDefault(.logFormat, command.logFormat)
    guard let logFormat = LogFormat(rawValue: format) else {
      throw ValidationError("log-format must be text or json, not \(format).")
    }
    self.logFormat = logFormat
    operators = try text(.operatorTokenFile, command.operatorTokenFile).map { path in
      let lines = try Self.bytes(path)
      do throws(OperatorTokens.Problem) {
        return try OperatorTokens(lines)
      } catch {
        throw ValidationError("\(path) \(error).")
      }
    }
    let hour = try number(.backupHour, command.backupHour)
    let retentionDays = try number(.backupRetentionDays, command.backupRetentionDays)
    let recipient = text(.backupRecipient, command.backupRecipient)
    let isNewFolder = try flag(.newBackupFolder, command.newBackupFolder)
    backups = text(.backupFolder, command.backupFolder).map { folder in
      Backups(
        folder: folder, recipient: recipient, hour: hour, retentionDays: retentionDays,
        scratchFolder: textOrDefault(.backupScratchFolder, command.backupScratchFolder),
        signingKeyFile: text(.backupSigningKey, command.backupSigningKey), isNew: isNewFolder)
    }
    guard backups != nil || recipient == nil else { throw ValidationError("backup-recipient needs a backup-folder.") }
    mail = try MailServiceSettings(
      smtp: text(.mailSMTP, command.mailSMTP), user: text(.mailUser, command.mailUser),
      password: try text(.mailPasswordFile, command.mailPasswordFile).map { try Self.bytes($0) },
      authorities: try text(.mailCA, command.mailCA).map { try Self.bytes($0) },
      command: text(.mailCommand, command.mailCommand),
      sender: text(.mailFrom, command.mailFrom), linkBase: text(.mailLinkBase, command.mailLinkBase))
    logsEveryCall = try flag(.accessLog, command.accessLog)
  }

  private static func bytes(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: fileBytesMax + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard count <= fileBytesMax else { throw ValidationError("\(path) is larger than \(fileBytesMax) bytes.") }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }

  private static func read(_ path: String) throws -> SettingsFile {
    let known = Set(Setting.all.map(\.name)).subtracting([Setting.config.name])
    return try SettingsFile(try bytes(path), path: path, names: known)
  }
}

extension Setting {
  // MARK: Addresses and threads

  package static let listen = Setting(
    "listen", .serving, "ADDRESS:PORT", default: "127.0.0.1:50051",
    "Address and port that serve gRPC, or unix:PATH for a socket that only its owner can open. Port 0 takes a free port; standard output names it."
  )
  package static let user = Setting(
    "user", .serving, "NAME",
    "The user that a streakd started by root becomes before it serves, and runs its private PostgreSQL as: postgres, or nobody where there is no postgres, unless set. root: it stays root."
  )
  package static let loops = Setting(
    "loops", .serving, "COUNT", default: "one for each core", in: 1...256,
    "Event loops. Each is a thread with its own connections to PostgreSQL.")
  package static let busyPollMicroseconds = Setting(
    "busy-poll-microseconds", .serving, "MICROSECONDS", default: "3000", in: 0...10_000,
    "How long a loop polls for the database's answer to a single change before it sleeps. 0: it sleeps at once, which saves CPU time and adds latency."
  )
  package static let graceSeconds = Setting(
    "grace-seconds", .serving, "SECONDS", default: "10", in: 0...3_600,
    "Time that open calls and a running backup get after SIGTERM.")
  package static let config = Setting(
    "config", .serving, "FILE", "A settings file. It can be named by the option only.")

  // MARK: Database

  package static let dataFolder = Setting(
    "data-folder", .database, "FOLDER", default: ".streakd",
    "Where the private PostgreSQL keeps its data. Unused with database.")
  package static let database = Setting(
    "database", .database, "CONNECTION",
    "Connection of an existing PostgreSQL (15 or later): a libpq URL or conninfo string. A password belongs into STREAKD_DATABASE or the settings file: arguments are visible to other users."
  )
  package static let databaseOwner = Setting(
    "database-owner", .database, "CONNECTION", default: "the connection of database",
    "Connection of the role that owns and changes the schema; the role of database then only reads and writes rows.")
  package static let serverKeyFile = Setting(
    "server-key-file", .database, "FILE", default: "server-key in the data folder",
    "The key under which the database's secrets are encrypted, mode 600; required with database. Made when a database without one is served for the first time. Every server of a database needs the same file, and so does a restore: keep a copy apart from the backups."
  )
  package static let connectionsPerLoop = Setting(
    "connections-per-loop", .database, "COUNT", default: "4", in: 2...64,
    "Connections to PostgreSQL for each loop. Exports use at most half of them.")
  package static let ledgerCacheMib = Setting(
    "ledger-cache-mib", .database, "MIB", default: "32", in: 0...65_536,
    "Cache for recently changed users, in MiB; 32 MiB hold 8,000 to 16,000 users. 0: no cache.")

  // MARK: Connections and memory

  package static let connectionsMax = Setting(
    "connections-max", .connections, "COUNT", default: "20000", in: 1...1_000_000,
    "Client connections for each loop. The next one is closed at once.")
  package static let connectionsPerAddressMax = Setting(
    "connections-per-address-max", .connections, "COUNT", default: "2000", in: 1...1_000_000,
    "Client connections from one address for each loop; an IPv6 address counts by its first 64 bits. All connections behind a proxy have the proxy's address."
  )
  package static let buffersMib = Setting(
    "buffers-mib", .connections, "MIB", default: "256", in: 16...65_536,
    "Memory for requests that clients are sending and responses that clients have not read, in MiB for each loop: half for large requests, a quarter for other requests, a quarter for responses."
  )
  package static let idleSeconds = Setting(
    "idle-seconds", .connections, "SECONDS", default: "300", in: 0...1_000_000,
    "Time after which a connection without calls is closed. 0: never.")
  package static let ageSeconds = Setting(
    "age-seconds", .connections, "SECONDS", default: "3600", in: 0...1_000_000,
    "Age, plus or minus a tenth, at which a connection gets GOAWAY and the client connects anew. 0: never.")
  package static let keepaliveSeconds = Setting(
    "keepalive-seconds", .connections, "SECONDS", default: "240", in: 0...1_000_000,
    "Time without a received byte after which a connection with calls is pinged. 0: never.")

  // MARK: Rate limits and passwords

  package static let rateLimitFactor = Setting(
    "rate-limit-factor", .rates, "FACTOR", default: "1", in: 0...1_000_000,
    "Multiplies the rate limits of proto/ (`rate_limit`). 0: no rate limits.")
  package static let callsPerPersonMax = Setting(
    "calls-per-person-max", .rates, "COUNT", default: "2000", in: 0...1_000_000,
    "Calls of one signed-in user in a second, for each loop; those that end credentials are not counted. 0: no limit.")
  package static let callsPerAddressMax = Setting(
    "calls-per-address-max", .rates, "COUNT", default: "20000", in: 0...1_000_000,
    "Calls from one address in a second, for each loop. 0: no limit.")
  package static let stashPerAddressMib = Setting(
    "stash-per-address-mib", .rates, "MIB", default: "128", in: 0...1_048_576,
    "Stashes of anonymous sessions that one address has the server store in an hour, in MiB; each counts in whole pieces of 64 KiB. 0: no limit."
  )
  package static let deletionDelaySeconds = Setting(
    "deletion-delay-seconds", .rates, "SECONDS", default: "604800", in: 1...31_536_000,
    "From the announcement of an account's deletion to the erasure, in seconds: the time in which a person can take it back."
  )
  package static let streamsPerPersonMax = Setting(
    "streams-per-person-max", .rates, "COUNT", default: "64", in: 1...10_000,
    "Open streams of one signed-in user for each loop.")
  package static let textsPerPersonMib = Setting(
    "texts-per-person-mib", .rates, "MIB", default: "32", in: 1...1_024,
    "Text in one user's notes, habits and conflicts, in MiB. A note beyond it is refused, its day is not.")
  package static let historyPerPersonMib = Setting(
    "history-per-person-mib", .rates, "MIB", default: "32", in: 1...1_024,
    "Superseded notes of one user, in MiB. Beyond it only the hash of a superseded note is kept.")
  package static let historyStatesPerPersonMib = Setting(
    "history-states-per-person-mib", .rates, "MIB", default: "64", in: 1...1_024,
    "Superseded states of one user's days, in MiB, each as 256 bytes besides its note. Beyond it no superseded state is kept."
  )
  package static let inboxPerPersonMib = Setting(
    "inbox-per-person-mib", .rates, "MIB", default: "8", in: 1...1_024,
    "Rejected operations and entries of one user, in MiB. Beyond it only reason and hash are kept.")
  package static let auditPerPersonMib = Setting(
    "audit-per-person-mib", .rates, "MIB", default: "32", in: 1...1_024,
    "Audit events of one user, in MiB. Beyond it the oldest go, within six hours; the chain that remains verifies from the last one's hash."
  )
  package static let changesPerDayMax = Setting(
    "changes-per-day-max", .rates, "COUNT", default: "100000", in: 0...100_000_000,
    "Changes of one user's data on one day (UTC). 0: no limit.")
  package static let transferGraceSeconds = Setting(
    "transfer-grace-seconds", .connections, "SECONDS", default: "20", in: 1...600,
    "Total time that the server waits for the client of an export or import before transfer-bytes-per-second-min applies."
  )
  package static let transferBytesPerSecondMin = Setting(
    "transfer-bytes-per-second-min", .connections, "BYTES", default: "8192", in: 1...1_000_000_000,
    "The lowest rate at which a client may read an export and send an import, in bytes in a second. Slower calls are ended."
  )
  package static let trustedProxies = Setting(
    "trusted-proxies", .rates, "ADDRESSES",
    "Proxies whose `x-forwarded-for` header is used as the client's address: addresses, ADDRESS/BITS, or unix for the Unix socket, separated by commas."
  )
  package static let passwordMemoryMib = Setting(
    "password-memory-mib", .rates, "MIB", default: "64", in: 19...1_024,
    "Memory of one password hash (Argon2id with two passes), in MiB; two are computed at a time. 19 is the minimum of the OWASP Password Storage Cheat Sheet. Older hashes are renewed at the next sign-in."
  )
  package static let breachedPasswords = Setting(
    "breached-passwords", .rates, "FILE",
    "A file of refused passwords, besides the built-in list: on each line a password, or its SHA-1 in 40 hexadecimal digits with an optional :COUNT."
  )

  // MARK: TLS

  package static let tlsCertificate = Setting(
    "tls-certificate", .tls, "FILE",
    "Serve with TLS 1.2 and 1.3: a PEM file with the certificate and its intermediates. The files are read again on SIGHUP and when they change."
  )
  package static let tlsKey = Setting(
    "tls-key", .tls, "FILE", "The PEM file with the certificate's private key, without a passphrase.")
  package static let tlsClientCA = Setting(
    "tls-client-ca", .tls, "FILE",
    "Serve only clients with a certificate of one of the authorities in this PEM file.")
  package static let tlsCheckSeconds = Setting(
    "tls-check-seconds", .tls, "SECONDS", default: "60", in: 1...86_400,
    "Time between two looks at the certificate's files.")
  package static let allowCleartext = Setting(
    "allow-cleartext", .tls, nil, default: "off", "Serve without TLS on an address that other machines reach.")

  package static let webOrigins = Setting(
    "web-origins", .tls, "ORIGINS",
    "Origins whose pages may call this server from a browser, such as https://app.example.com, separated by commas; * stands for every origin."
  )

  package static let web = Setting(
    "web", .serving, "on|off", default: "on",
    "Serve the app as a page for browsers at / of the address of listen. off: streakd serves calls only.")

  // MARK: Health, logs and metrics

  package static let adminListen = Setting(
    "admin-listen", .observation, "ADDRESS:PORT", default: "off",
    "Address and port for /metrics, /livez and /readyz over HTTP/1.1 without TLS, or unix:PATH, or off.")
  package static let adminHosts = Setting(
    "admin-hosts", .observation, "NAMES",
    "Names under which the admin pages may be asked for, besides addresses and localhost, separated by commas. Any other Host is answered 421."
  )
  package static let healthSeconds = Setting(
    "health-seconds", .observation, "SECONDS", default: "1", in: 1...60,
    "Time between two checks of the database for the health service and /readyz.")
  package static let stuckSeconds = Setting(
    "stuck-seconds", .observation, "SECONDS", default: "10", in: 1...3_600,
    "Time without a heartbeat of a loop after which /livez answers 503.")
  package static let logLevel = Setting(
    "log-level", .observation, "LEVEL", default: "info",
    "The least severe level that is logged: trace, debug, info, notice, warning, error or critical.")
  package static let logFormat = Setting(
    "log-format", .observation, "FORMAT", default: "text",
    "The format of log lines on standard error: text, or json with one object for each line.")
  package static let accessLog = Setting(
    "access-log", .observation, nil, default: "off", "Log every call at level info instead of debug.")

  // MARK: Backups and operators

  package static let backupFolder = Setting(
    "backup-folder", .backups, "FOLDER",
    "Where backups and the erasure ledger lie. All server processes of one database share the folder.")
  package static let backupRecipient = Setting(
    "backup-recipient", .backups, "KEY",
    "Make a backup every day, encrypted to this public key of age (age1...), or to those in a file. Keep the private key on another machine."
  )
  package static let backupHour = Setting(
    "backup-hour", .backups, "HOUR", default: "3", in: 0...23,
    "Hour of the day, in UTC, at which the daily backup begins. A missed backup is made at once.")
  package static let backupRetentionDays = Setting(
    "backup-retention-days", .backups, "DAYS", default: "30", in: 1...36_500,
    "Days that backups are kept. The last good backup is always kept.")
  package static let backupScratchFolder = Setting(
    "backup-scratch-folder", .backups, "FOLDER", default: "/var/tmp",
    "Where each backup is restored on trial, in a subfolder streakd-scratch-UID. Needs room for the whole database.")
  package static let backupSigningKey = Setting(
    "backup-signing-key", .backups, "FILE",
    default: "/var/lib/streakd-operations/backup-signing-key; without root ~/.local/state/streakd/backup-signing-key",
    "The file with the key that signs backups. The first backup makes it.")
  package static let newBackupFolder = Setting(
    "new-backup-folder", .backups, nil, default: "off",
    "Begin a new erasure ledger in backup-folder, although this database has had one. Erased users may be missing from the new one."
  )
  package static let operatorTokenFile = Setting(
    "operator-token-file", .backups, "FILE",
    "Serve AdminService and AccountAdminService to callers with a token in this file, 32 bytes or more each. On each line a token, whose holder may do everything, or a name, rights separated by commas (backups, find, lock, reset, export, erase), and a token."
  )

  // MARK: Mail

  package static let mailSMTP = Setting(
    "mail-smtp", .mail, "URL",
    "The mail server that takes mails to people: smtps://HOST[:465], or smtp://HOST[:587] with STARTTLS, which only 127.0.0.0/8 and [::1] may lack."
  )
  package static let mailUser = Setting(
    "mail-user", .mail, "NAME", "The user at the mail server. Goes with mail-password-file.")
  package static let mailPasswordFile = Setting(
    "mail-password-file", .mail, "FILE", "The file with that user's password, in its first line.")
  package static let mailCA = Setting(
    "mail-ca", .mail, "FILE",
    default: "the system's", "A PEM file of the authorities whose certificates the mail server may have.")
  package static let mailCommand = Setting(
    "mail-command", .mail, "COMMAND",
    "Instead of mail-smtp: a program with sendmail's interface, such as /usr/sbin/sendmail, as an absolute path with its arguments."
  )
  package static let mailFrom = Setting(
    "mail-from", .mail, "MAILBOX",
    "The sender of mails, such as Streaks <no-reply@example.com>. Mails name the service by this name.")
  package static let mailLinkBase = Setting(
    "mail-link-base", .mail, "URL",
    "The app's page that links in mails lead to, such as https://app.example.com/account. A link adds #verify=TOKEN, #reset=TOKEN or #takeback=TOKEN."
  )

  /// Every setting, in the order of the operator's page.
  package static let all: [Setting] = [
    listen, user, web, loops, busyPollMicroseconds, graceSeconds, config,
    dataFolder, database, databaseOwner, serverKeyFile, connectionsPerLoop, ledgerCacheMib,
    connectionsMax, connectionsPerAddressMax, buffersMib, idleSeconds, ageSeconds, keepaliveSeconds,
    rateLimitFactor, callsPerPersonMax, callsPerAddressMax, stashPerAddressMib, streamsPerPersonMax,
    deletionDelaySeconds,
    textsPerPersonMib, historyPerPersonMib, historyStatesPerPersonMib, inboxPerPersonMib, auditPerPersonMib,
    changesPerDayMax,
    transferGraceSeconds,
    transferBytesPerSecondMin, trustedProxies, passwordMemoryMib, breachedPasswords,
    tlsCertificate, tlsKey, tlsClientCA, tlsCheckSeconds, allowCleartext, webOrigins,
    adminListen, adminHosts, healthSeconds, stuckSeconds, logLevel, logFormat, accessLog,
    backupFolder, backupRecipient, backupHour, backupRetentionDays, backupScratchFolder, backupSigningKey,
    newBackupFolder, operatorTokenFile,
    mailSMTP, mailUser, mailPasswordFile, mailCA, mailCommand, mailFrom, mailLinkBase,
  ]
}

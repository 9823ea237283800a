internal import CLibpq
internal import Glibc

/// How to reach the database, and every limit of its use. Limits are per loop unless their name
/// says otherwise.
public struct PostgresConfiguration: Sendable {
  /// The parsed connection string: keyword and value, as libpq names them. May hold a password:
  /// never print it.
  let parameters: [(keyword: String, value: String)]
  /// libpq's `PGCONNECT_TIMEOUT`; nil: it is not set.
  let environmentConnectTimeout: String?

  /// Connections each loop keeps open.
  public var connectionsPerLoop = 4
  /// Statements sent and not yet answered on one connection; further ones wait in the pool's queue.
  public var statementsInFlightPerConnectionMax = 256
  /// Reads that share one implicit transaction and one sync.
  public var readsPerSyncMax = 32
  /// Statements waiting for a connection; one more fails with
  /// `.limitExceeded(.queuedStatementsMax)`.
  public var queuedStatementsMax = 10_000
  /// Transactions waiting for a connection; one more fails with
  /// `.limitExceeded(.queuedTransactionsMax)`.
  public var queuedTransactionsMax = 1_000
  /// Bytes of one statement's parameters.
  public var statementBytesMax = 16 * 1_048_576
  /// Longest wait for a connection before `.unreachable`, in milliseconds.
  public var queueWaitMilliseconds: UInt64 = 5_000
  /// Longest run of one statement on the server (`statement_timeout`), in milliseconds.
  public var statementTimeoutMilliseconds: UInt64 = 10_000
  /// Added to the statement timeout: a connection whose server owes an answer and sends nothing for
  /// longer is closed.
  public var answerGraceMilliseconds: UInt64 = 5_000
  /// Longest attempt to connect to one address of one host, in milliseconds, unless the connection
  /// string has a `connect_timeout`.
  public var connectTimeoutMilliseconds: UInt64 = 5_000
  /// A session that cannot write (a standby, or `default_transaction_read_only`) is replaced after
  /// this time, in milliseconds: by then the connection string's hosts may include a writable
  /// server.
  public var readOnlyRecheckMilliseconds: UInt64 = 1_000
  /// First wait before connecting again, in milliseconds; doubled with every failure. Each wait is
  /// drawn from its upper half.
  public var reconnectDelayMinMilliseconds: UInt64 = 50
  /// Longest wait before connecting again, in milliseconds.
  public var reconnectDelayMaxMilliseconds: UInt64 = 10_000
  /// Longest time that `Database.close()` waits for running work, in milliseconds.
  public var closeTimeoutMilliseconds: UInt64 = 30_000
  /// Server settings for these connections, such as `jit`: names and values without white space.
  public var serverSettings: [(name: String, value: String)] = []
  /// The `application_name` in `pg_stat_activity`, unless the connection string has one.
  public var applicationName = ""
  /// The database that all connections must lead to: shared by copies of this configuration.
  public var knownDatabase = KnownDatabase()
  /// Called on a pool's loop for each new connection before any call uses it: the connection may
  /// lead to another server, or a newer timeline, than earlier ones. If it throws, the connection
  /// is closed and the pool connects again later.
  public var admit: (@Sendable (NewConnection) async throws(DatabaseError) -> Void)?

  /// Takes a libpq connection string: `postgresql://user@host/database` or `host=/run/postgresql
  /// dbname=app`.
  /// - Throws: `PostgresConfigurationError` when libpq cannot parse it. Nothing is connected yet.
  public init(connectionString: String) throws(PostgresConfigurationError) {
    guard let options = unsafe PQconninfoParse(connectionString, nil) else {
      throw PostgresConfigurationError()
    }
    defer { unsafe PQconninfoFree(options) }
    var parameters: [(keyword: String, value: String)] = []
    var next = unsafe options
    while let keyword = unsafe next.pointee.keyword {
      if let value = unsafe next.pointee.val {
        unsafe parameters.append((String(cString: keyword), String(cString: value)))
      }
      unsafe next += 1
    }
    self.parameters = parameters
    environmentConnectTimeout = unsafe getenv("PGCONNECT_TIMEOUT").map { value in unsafe String(cString: value) }
  }

  /// Detects a vanished TCP peer after about a minute, also while no answer is due. In seconds, and
  /// a count.
  private static let keepaliveDefaults = [
    ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
  ]

  /// The parameters of one attempt to connect. Our settings are sent after connecting, because
  /// PgBouncer refuses start-up options.
  func connectParameters(_ attempt: ConnectPlan.Attempt) -> [(keyword: String, value: String)] {
    let own = ["host", "hostaddr", "port", "target_session_attrs", "connect_timeout", "client_encoding"]
    var result = parameters.filter { !own.contains($0.keyword) }
    if let host = attempt.host.host { result.append(("host", host)) }
    if let address = attempt.address { result.append(("hostaddr", address)) }
    if let port = attempt.host.port { result.append(("port", port)) }
    result.append(("target_session_attrs", attempt.targetSessionAttributes))
    result.append(("client_encoding", "UTF8"))
    for (keyword, value) in Self.keepaliveDefaults where !parameters.contains(where: { $0.keyword == keyword }) {
      result.append((keyword, value))
    }
    result.append(("fallback_application_name", applicationName))
    return result
  }

  /// SQL that gives a new session its settings; its only result is one row.
  var sessionSettings: String {
    let calls = ([("statement_timeout", "\(statementTimeoutMilliseconds)")] + serverSettings).map { name, value in
      "set_config(\(Self.quoted(name)), \(Self.quoted(value)), false)"
    }
    return "SELECT \(calls.joined(separator: ", "))"
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  /// The servers to try, from the connection string, else from libpq's defaults, which are the
  /// environment. May read files: for the thread pool.
  func makeConnectPlan() -> ConnectPlan {
    let defaults = Self.libpqDefaults()
    // A service names its servers in a file of its own, which libpq reads.
    let isService = parameters.contains { $0.keyword == "service" }
    func value(_ keyword: String) -> String? {
      let given = parameters.first { $0.keyword == keyword }?.value
      return given ?? (isService ? nil : defaults[keyword])
    }
    // If the string names hosts, an address from the environment does not apply.
    let givesHost = parameters.contains { $0.keyword == "host" || $0.keyword == "hostaddr" }
    let hosts = ServerHost.list(
      host: givesHost ? parameters.first { $0.keyword == "host" }?.value : value("host"),
      address: givesHost ? parameters.first { $0.keyword == "hostaddr" }?.value : value("hostaddr"), port: value("port")
    )
    // libpq reports a default of its own for the attributes: only a different value was set on
    // purpose.
    let attributes =
      parameters.first { $0.keyword == "target_session_attrs" }?.value
      ?? value("target_session_attrs").flatMap { $0 == "any" ? nil : $0 }
    // The lists' lengths do not match. libpq reports that.
    let fallback = ServerHost(
      host: value("host"), address: value("hostaddr"), port: value("port"))
    return ConnectPlan(hosts: hosts ?? [fallback], targetSessionAttributes: attributes)
  }

  /// Longest attempt for one address. libpq's `connect_timeout`, from the connection string or the
  /// environment, is in seconds; values below 1 mean no limit, and 1 means 2. The environment was
  /// read when the configuration was made.
  var attemptMilliseconds: UInt64 {
    guard let text = parameters.first(where: { $0.keyword == "connect_timeout" })?.value ?? environmentConnectTimeout,
      let seconds = UInt64(text), seconds > 0, seconds <= Self.connectTimeoutSecondsMax
    else { return connectTimeoutMilliseconds }
    return max(2, seconds) * 1_000
  }

  /// A longer `connect_timeout` is cut to this.
  static let connectTimeoutSecondsMax: UInt64 = 3_600

  private static func libpqDefaults() -> [String: String] {
    guard let options = unsafe PQconndefaults() else { return [:] }
    defer { unsafe PQconninfoFree(options) }
    var defaults: [String: String] = [:]
    var next = unsafe options
    while let keyword = unsafe next.pointee.keyword {
      if let value = unsafe next.pointee.val {
        unsafe defaults[String(cString: keyword)] = unsafe String(cString: value)
      }
      unsafe next += 1
    }
    return defaults
  }
}

/// The connection string is not valid. Its text, and libpq's message about it, may hold a password
/// and are not repeated.
public struct PostgresConfigurationError: Error, CustomStringConvertible {
  public var description: String {
    "the database's connection string is neither a postgresql:// URL nor a list of keyword=value"
  }
}

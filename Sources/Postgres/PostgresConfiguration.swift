internal import CLibpq

/// How to reach the database, and every limit of its use. Limits are per loop unless their name says otherwise.
public struct PostgresConfiguration: Sendable {
  /// The parsed connection string: keyword and value, as libpq names them. May hold a password: never print it.
  let parameters: [(keyword: String, value: String)]

  /// Connections each loop keeps open.
  public var connectionsPerLoop = 4
  /// Statements sent and not yet answered on one connection; the rest wait in the pool's queue.
  public var statementsInFlightPerConnectionMax = 256
  /// Reads that share one implicit transaction and one sync.
  public var readsPerSyncMax = 32
  /// Statements waiting for a connection; one more fails with `.limitExceeded(.queuedStatementsMax)`.
  public var queuedStatementsMax = 10_000
  /// Transactions waiting for a connection; one more fails with `.limitExceeded(.queuedTransactionsMax)`.
  public var queuedTransactionsMax = 1_000
  /// Bytes of one statement's parameters.
  public var statementBytesMax = 16 * 1_048_576
  /// Longest wait for a connection before `.unreachable`, in milliseconds.
  public var queueWaitMilliseconds: UInt64 = 5_000
  /// Longest run of one statement on the server (`statement_timeout`), in milliseconds.
  public var statementTimeoutMilliseconds: UInt64 = 10_000
  /// Added to the statement timeout: a server silent for longer while it owes an answer is taken for dead.
  public var answerGraceMilliseconds: UInt64 = 5_000
  /// Longest attempt to connect, in milliseconds.
  public var connectTimeoutMilliseconds: UInt64 = 5_000
  /// First wait before connecting again; doubled with every failure, and each wait is drawn from its upper half.
  public var reconnectDelayMinMilliseconds: UInt64 = 50
  /// Longest wait before connecting again.
  public var reconnectDelayMaxMilliseconds: UInt64 = 10_000
  /// Longest wait for running work in `Database.close()`, in milliseconds.
  public var closeTimeoutMilliseconds: UInt64 = 30_000
  /// Settings of the server's for these connections, such as `jit`: names and values without white space.
  public var serverSettings: [(name: String, value: String)] = []
  /// What the server shows for these connections in `pg_stat_activity`, unless the connection string says otherwise.
  public var applicationName = "streakd"

  /// Takes a libpq connection string: `postgresql://user@host/database` or `host=/run/postgresql dbname=streakd`.
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
  }

  /// A TCP peer that vanished is noticed after about a minute, also while nothing is owed. In seconds, and a count.
  private static let keepaliveDefaults = [
    ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
  ]

  /// The parameters of one connection, with our own settings in `options` behind those of the connection string.
  var connectParameters: [(keyword: String, value: String)] {
    let settings = ([("statement_timeout", "\(statementTimeoutMilliseconds)")] + serverSettings)
      .map { "-c \($0.0)=\($0.1)" }.joined(separator: " ")
    var result = parameters.filter { $0.keyword != "options" && $0.keyword != "client_encoding" }
    let options = parameters.first { $0.keyword == "options" }?.value
    result.append(("options", options.map { "\($0) \(settings)" } ?? settings))
    result.append(("client_encoding", "UTF8"))
    for (keyword, value) in Self.keepaliveDefaults where !parameters.contains(where: { $0.keyword == keyword }) {
      result.append((keyword, value))
    }
    result.append(("fallback_application_name", applicationName))
    return result
  }
}

/// The connection string is not one. Its text, and libpq's message about it, may hold a password and are not repeated.
public struct PostgresConfigurationError: Error, CustomStringConvertible {
  public var description: String {
    "the database's connection string is neither a postgresql:// URL nor a list of keyword=value"
  }
}

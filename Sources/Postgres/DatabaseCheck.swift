public import EventLoop

/// A permanent reason why a database cannot be used: waiting does not help.
public enum DatabaseCheckFailure: Error, Equatable, CustomStringConvertible {
  case unreachable(reason: String)
  /// - Parameter encoding: The server's name for it.
  case notUTF8(encoding: String)
  /// A pooler in transaction mode gives each transaction another session.
  case transactionPooling

  public var description: String {
    switch self {
    case .unreachable(let reason): "The database cannot be reached: \(reason)"
    case .notUTF8(let encoding):
      "The database's encoding is \(encoding). Texts of every language need a database of encoding UTF8: "
        + "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0."
    case .transactionPooling:
      "The pooler in front of the database gives a session to several connections in turn (PgBouncer's pool_mode transaction or "
        + "statement). Prepared statements and notifications need session pooling: pool_mode = session."
    }
  }
}

extension Database {
  /// Checks that a database can be used, over connections of its own, on the caller's loop.
  ///
  /// An unreachable database is tried again until `queueWaitMilliseconds` have passed.
  public static func check(_ configuration: PostgresConfiguration, on loop: EventLoop)
    async throws(DatabaseCheckFailure)
  {
    loop.preconditionIsCurrent()
    let deadline = loop.nowMilliseconds + configuration.queueWaitMilliseconds
    let first = CheckConnection(loop, configuration)
    defer { first.close() }
    var failure = await first.connect()
    while let reason = failure {
      guard loop.nowMilliseconds < deadline else { throw .unreachable(reason: reason) }
      await loop.sleep(milliseconds: checkRetryMilliseconds)
      failure = await first.connect()
    }
    if let encoding = first.facts?.encoding, encoding != "UTF8" { throw .notUTF8(encoding: encoding) }
    guard first.isPooled else { return }
    let second = CheckConnection(loop, configuration)
    defer { second.close() }
    if let reason = await second.connect() { throw .unreachable(reason: reason) }
    for _ in 0..<poolingRounds {
      for (connection, other) in [(first, second), (second, first)] {
        guard let process = await connection.askProcess() else { throw .transactionPooling }
        if process != connection.facts?.backendProcessID || process == other.facts?.backendProcessID {
          throw .transactionPooling
        }
      }
    }
  }

  /// Milliseconds between two attempts to reach the database.
  private static let checkRetryMilliseconds: UInt64 = 200
  /// How often two connections are asked for their server process. A pooler in transaction mode
  /// gives both connections the process that is free.
  private static let poolingRounds = 4
}

/// One connection of the check.
private final class CheckConnection: PostgresConnectionOwner {
  private let loop: EventLoop
  private let configuration: PostgresConfiguration
  private var connection: PostgresConnection?
  private var waiter: DatabaseWork?

  init(_ loop: EventLoop, _ configuration: PostgresConfiguration) {
    self.loop = loop
    self.configuration = configuration
  }

  var facts: ServerFacts? { connection?.facts }
  var isPooled: Bool { connection?.isPooled ?? false }

  /// - Returns: Why it did not connect; nil: it is connected.
  func connect() async -> String? {
    let waiter = DatabaseWork(.reservation, steps: [], deadlineMilliseconds: .max)
    self.waiter = waiter
    let connection = PostgresConnection(loop: loop, configuration: configuration, owner: self)
    self.connection = connection
    await waiter.wait { connection.start() }
    guard case .unreachable(let reason)? = waiter.failure else { return nil }
    return reason
  }

  /// The server process that serves the connection now; nil: the query failed.
  func askProcess() async -> Int32? {
    guard let connection, connection.isReady else { return nil }
    let statement = Statement(unprepared: "SELECT pg_backend_pid()")
    let work = DatabaseWork(
      .write, steps: [BoundStatement(statement: statement, parameters: [])], deadlineMilliseconds: .max)
    await work.wait { connection.submit(work) }
    guard work.failure == nil, let result = try? work.takeOnlyResult() else { return nil }
    return try? result.one { row throws(DatabaseError) in try row.int32(0) }
  }

  func close() {
    connection?.close()
    connection = nil
  }

  func connectionBecameReady(_ connection: PostgresConnection) { waiter?.finish() }

  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork]
  ) {
    for broken in broken { broken.work.finish(.unreachable(reason: reason)) }
    waiter?.finish(.unreachable(reason: reason))
  }

  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment) {
    for work in segment.works { work.finish(segment.failure?.error) }
  }

  func connection(_ connection: PostgresConnection, received notification: PostgresNotification) {}

  func connection(_ connection: PostgresConnection, receivedNotice text: String) {}
}

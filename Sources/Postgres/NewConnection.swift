/// A connection before its first use, lent to `PostgresConfiguration.admit`. Loop-confined.
public struct NewConnection {
  /// The database behind it; nil: the role may not query the identity.
  public let identity: DatabaseIdentity?
  let connection: PostgresConnection

  /// Retires the connections made before: they lead to an earlier state of the database. Where the
  /// identity is known that has happened already.
  public func retireOthers() {
    guard identity == nil else { return }
    connection.generation = connection.configuration.knownDatabase.renewOtherConnections()
  }

  /// Runs one statement in a transaction of its own.
  public func run(_ statement: Statement, _ parameters: PostgresValue...) async throws(DatabaseError) -> QueryResult {
    guard connection.isReady else { throw .unreachable(reason: "the connection broke") }
    let step = BoundStatement(statement: statement, parameters: parameters)
    let work = DatabaseWork(.write, steps: [step], deadlineMilliseconds: .max)
    await work.wait { connection.submit(work) }
    if let failure = work.failure { throw failure }
    return try work.takeOnlyResult()
  }
}

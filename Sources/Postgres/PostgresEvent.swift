/// An event of connections, for logs and metrics. Texts are the server's or libpq's own: never for
/// clients.
public enum PostgresEvent: Sendable {
  /// A connection is ready.
  /// - Parameters:
  ///   - processID: The server process that serves it.
  ///   - identity: The database it leads to; nil: the role may not query the identity.
  ///   - isReadOnly: The session cannot write; the connection is replaced soon.
  case connected(processID: Int32, identity: DatabaseIdentity?, isReadOnly: Bool)
  /// An attempt to connect failed; the next follows after `retryMilliseconds`.
  case connectFailed(reason: String, retryMilliseconds: UInt64)
  /// A ready connection broke; the pool replaces it.
  case connectionLost(reason: String)
  /// A statement, a batch, or a wait for a connection failed.
  /// - Parameter statement: The statement's place in the source and its first words; nil: no
  ///   statement was sent yet.
  case failed(DatabaseError, statement: String?)
  /// The server sent a notice or warning.
  case notice(String)
}

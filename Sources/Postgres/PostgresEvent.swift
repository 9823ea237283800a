/// What happens to connections, for logs and metrics. Texts are the server's or libpq's own: never
/// for clients.
public enum PostgresEvent: Sendable {
  /// A connection is ready.
  /// - Parameters:
  ///   - processID: The server process that serves it.
  ///   - identity: Which database it leads to; nil: the role may not ask for it.
  ///   - isReadOnly: The session cannot write; the connection is replaced soon.
  case connected(processID: Int32, identity: DatabaseIdentity?, isReadOnly: Bool)
  /// An attempt to connect failed; the next follows after `retryMilliseconds`.
  case connectFailed(reason: String, retryMilliseconds: UInt64)
  /// A ready connection broke; it is replaced.
  case connectionLost(reason: String)
  /// A statement, a batch, or a wait for a connection failed.
  /// - Parameter statement: Where the program says it, and how it begins; nil: there was none yet.
  case failed(DatabaseError, statement: String?)
  /// The server sent a notice or warning.
  case notice(String)
}

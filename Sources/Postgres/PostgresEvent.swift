/// What happens to connections, for logs and metrics. Texts are the server's or libpq's own: never for clients.
public enum PostgresEvent: Sendable {
  /// A connection is ready. - Parameter processID: The server process that serves it.
  case connected(processID: Int32)
  /// An attempt to connect failed; the next follows after `retryMilliseconds`.
  case connectFailed(reason: String, retryMilliseconds: UInt64)
  /// A ready connection broke; it is replaced.
  case connectionLost(reason: String)
  /// The server sent a notice or warning.
  case notice(String)
}

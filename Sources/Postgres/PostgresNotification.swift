/// A notification sent by NOTIFY.
public struct PostgresNotification: Sendable, Equatable {
  public let channel: String
  /// Empty if the sender gave none; less than 8000 bytes.
  public let payload: String
  /// The server process of the connection that sent it.
  public let processID: Int32
}

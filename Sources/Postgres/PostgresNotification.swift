/// A notification sent by NOTIFY.
package struct PostgresNotification: Sendable, Equatable {
  package let channel: String
  /// Empty if the sender gave none; less than 8000 bytes.
  package let payload: String
  /// The server process of the connection that sent it.
  package let processID: Int32
}

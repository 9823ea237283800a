internal import CLibpq

/// What a server says beside its answers: a notice or a warning. Log only.
struct ServerNotice {
  let text: String
  /// A commit took effect on the primary, but its confirmation by a synchronous standby was no
  /// longer waited for: the server then answers as if all were well.
  let endsWaitForReplication: Bool

  /// - Parameter result: libpq's, which stays libpq's.
  init(borrowing result: OpaquePointer) {
    func field(_ field: QueryResult.DiagnosticField) -> String? {
      unsafe PQresultErrorField(result, Int32(field.rawValue)).map { unsafe String(cString: $0) }
    }
    let severity = field(.severity) ?? ""
    text = "\(severity): \(field(.message) ?? "")"
    // The function's name is the same in every language of messages.
    endsWaitForReplication = severity == "WARNING" && field(.sourceFunction) == "SyncRepWaitForLSN"
  }
}

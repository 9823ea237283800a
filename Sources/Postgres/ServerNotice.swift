internal import CLibpq

/// A notice or warning that a server sends besides its answers. Log only.
struct ServerNotice {
  let text: String
  /// A commit took effect on the primary, but its wait for a synchronous standby ended early. The
  /// server then answers as after a complete wait.
  let endsWaitForReplication: Bool

  /// - Parameter result: A result that libpq keeps.
  init(borrowing result: OpaquePointer) {
    func field(_ field: QueryResult.DiagnosticField) -> String? {
      unsafe PQresultErrorField(result, Int32(field.rawValue)).map { unsafe String(cString: $0) }
    }
    let severity = field(.severity) ?? ""
    text = "\(severity): \(field(.message) ?? "")"
    // The function's name does not depend on the language of the server's messages.
    endsWaitForReplication = severity == "WARNING" && field(.sourceFunction) == "SyncRepWaitForLSN"
  }
}

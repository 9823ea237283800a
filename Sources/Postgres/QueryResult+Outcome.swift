internal import CLibpq

extension QueryResult {
  /// A result's outcome for its statement.
  enum Outcome {
    case success
    case synced
    case skipped
    /// - Parameter isFatal: The server closes the connection after it.
    case failure(DatabaseError, isFatal: Bool)
    case unsupported
  }

  var outcome: Outcome {
    switch status {
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .success
    case PGRES_PIPELINE_SYNC: .synced
    case PGRES_PIPELINE_ABORTED: .skipped
    case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: failure
    default: .unsupported
    }
  }

  /// The server's message; log only.
  var failureText: String { field(.message) ?? "the server closed the connection" }

  private var failure: Outcome {
    let severity = field(.severity)
    // Without a severity the message is libpq's own, about a broken connection.
    let isFatal = severity == nil || severity == "FATAL" || severity == "PANIC"
    let state = field(.sqlState).map(SQLState.init(rawValue:)) ?? .missing
    if state == .queryCanceled { return .failure(.statementTimeout, isFatal: isFatal) }
    // The details of refused data contain the data, which is private.
    let detail = state.isAboutData ? "" : field(.detail).map { "; \($0)" } ?? ""
    return .failure(
      .rejected(state, constraint: field(.constraint), serverMessage: failureText + detail), isFatal: isFatal)
  }
}

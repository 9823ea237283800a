internal import CLibpq

extension QueryResult {
  /// What a result says about its statement.
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

  /// The server's words; log only.
  var failureText: String { field(.message) ?? "the server closed the connection" }

  private var failure: Outcome {
    let severity = field(.severity)
    // Without a severity it is libpq that speaks, of a broken link.
    let isFatal = severity == nil || severity == "FATAL" || severity == "PANIC"
    let state = field(.sqlState).map(SQLState.init(rawValue:)) ?? .missing
    if state == .queryCanceled { return .failure(.statementTimeout, isFatal: isFatal) }
    // Details of refused data show the data: rows of people.
    let detail = state.isAboutData ? "" : field(.detail).map { "; \($0)" } ?? ""
    return .failure(
      .rejected(state, constraint: field(.constraint), serverMessage: failureText + detail), isFatal: isFatal)
  }
}

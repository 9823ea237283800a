/// A five-character SQLSTATE code (PostgreSQL manual, appendix A).
package struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  package let rawValue: String

  package init(rawValue: String) { self.rawValue = rawValue }
  package var description: String { rawValue }

  package static let readOnlyTransaction = SQLState(rawValue: "25006")
  package static let diskFull = SQLState(rawValue: "53100")
  package static let insufficientPrivilege = SQLState(rawValue: "42501")
  package static let duplicateStatementName = SQLState(rawValue: "42P05")
  package static let uniqueViolation = SQLState(rawValue: "23505")
  package static let checkViolation = SQLState(rawValue: "23514")
  package static let inFailedTransaction = SQLState(rawValue: "25P02")
  package static let invalidStatementName = SQLState(rawValue: "26000")
  package static let serializationFailure = SQLState(rawValue: "40001")
  package static let deadlockDetected = SQLState(rawValue: "40P01")
  package static let undefinedTable = SQLState(rawValue: "42P01")
  package static let divisionByZero = SQLState(rawValue: "22012")
  package static let queryCanceled = SQLState(rawValue: "57014")
  /// The server sent no code; not a code of PostgreSQL.
  package static let missing = SQLState(rawValue: "")
}

extension SQLState {
  /// The first two characters: the class.
  private var code: Substring { rawValue.prefix(2) }

  /// Another server, or this one later, may be able to run the statement. Nothing of the statement
  /// took effect.
  ///
  /// 08: connection exceptions. 25006: read only. 53: disk full, out of memory, too many
  /// connections. 57P: shutdown, starting up. 58030: input and output failed. Also included: the
  /// codes that show that the session is not the one that was set up.
  package var isElsewhereOrLater: Bool {
    code == "08" || code == "53" || rawValue.hasPrefix("57P") || rawValue == "58030" || self == .readOnlyTransaction
      || isOfSession
  }

  /// The session lacks a prepared statement, or has another one of its name: a pooler in between
  /// has exchanged the session. A new connection helps.
  var isOfSession: Bool { self == .invalidStatementName || self == .duplicateStatementName }

  /// The server ends the session with this code, and has rolled back what was open: it shuts down,
  /// or the session was idle for too long.
  var endsSession: Bool { rawValue.hasPrefix("57P") || rawValue == "25P03" || rawValue == "25P04" }

  /// The statement's data is wrong (22), breaks a constraint (23) or is too large (54): other data
  /// of the same statement may be right.
  var isAboutData: Bool { code == "22" || code == "23" || code == "54" }
}

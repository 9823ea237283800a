/// A five-character SQLSTATE code (PostgreSQL manual, appendix A).
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  public static let readOnlyTransaction = SQLState(rawValue: "25006")
  public static let diskFull = SQLState(rawValue: "53100")
  public static let insufficientPrivilege = SQLState(rawValue: "42501")
  public static let duplicateStatementName = SQLState(rawValue: "42P05")
  public static let uniqueViolation = SQLState(rawValue: "23505")
  public static let inFailedTransaction = SQLState(rawValue: "25P02")
  public static let invalidStatementName = SQLState(rawValue: "26000")
  public static let serializationFailure = SQLState(rawValue: "40001")
  public static let deadlockDetected = SQLState(rawValue: "40P01")
  public static let queryCanceled = SQLState(rawValue: "57014")
  /// The server sent no code; not a code of PostgreSQL.
  public static let missing = SQLState(rawValue: "")
}

extension SQLState {
  /// The first two characters: the class.
  private var code: Substring { rawValue.prefix(2) }

  /// Another server, or this one later, may be able to run the statement. Nothing of the statement
  /// took effect.
  ///
  /// 08: connection exceptions. 25006: read only. 53: disk full, out of memory, too many
  /// connections. 55006: in use. 55P03: locked. 57P: shutdown, starting up. 58030: input and output
  /// failed. Also included: the codes that show that the session is not the one that was set up.
  public var isElsewhereOrLater: Bool {
    code == "08" || code == "53" || rawValue.hasPrefix("57P") || rawValue == "58030" || rawValue == "55006"
      || rawValue == "55P03" || self == .readOnlyTransaction || isOfSession
  }

  /// The session lacks a prepared statement, or has another one of its name: a pooler in between
  /// has exchanged the session. A new connection helps.
  var isOfSession: Bool { self == .invalidStatementName || self == .duplicateStatementName }

  /// The server ends the session with this code, and has rolled back what was open: it shuts down,
  /// or the session was idle for too long.
  var endsSession: Bool { rawValue.hasPrefix("57P") || rawValue == "25P03" || rawValue == "25P04" }

  /// The statement's data is wrong (22), breaks a constraint (23) or is too large (54): other data
  /// of the same statement may be right.
  public var isAboutData: Bool { code == "22" || code == "23" || code == "54" }
}

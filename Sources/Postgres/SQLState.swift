/// A five-character SQLSTATE code (PostgreSQL manual, appendix A).
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  public static let notNullViolation = SQLState(rawValue: "23502")
  public static let foreignKeyViolation = SQLState(rawValue: "23503")
  public static let uniqueViolation = SQLState(rawValue: "23505")
  public static let checkViolation = SQLState(rawValue: "23514")
  public static let inFailedTransaction = SQLState(rawValue: "25P02")
  public static let invalidStatementName = SQLState(rawValue: "26000")
  public static let serializationFailure = SQLState(rawValue: "40001")
  public static let deadlockDetected = SQLState(rawValue: "40P01")
  public static let undefinedTable = SQLState(rawValue: "42P01")
  public static let syntaxError = SQLState(rawValue: "42601")
  public static let divisionByZero = SQLState(rawValue: "22012")
  public static let lockNotAvailable = SQLState(rawValue: "55P03")
  public static let queryCanceled = SQLState(rawValue: "57014")
  /// The server did not say; not a code of PostgreSQL.
  public static let missing = SQLState(rawValue: "")
}

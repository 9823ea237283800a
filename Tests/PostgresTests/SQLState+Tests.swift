import Postgres

/// Codes that the tests provoke and the package itself does not tell apart.
extension SQLState {
  static let divisionByZero = SQLState(rawValue: "22012")
  static let checkViolation = SQLState(rawValue: "23514")
  static let undefinedTable = SQLState(rawValue: "42P01")
}

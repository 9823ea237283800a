internal import Postgres

/// The columns of `emails`.
enum EmailColumn: Int, TableColumn {
  case emailKey, userID, reservedUntil

  /// SQL that gives the address `$1` to the account `$2`.
  ///
  /// - Parameter condition: Of an address that another account has, only under this condition.
  static func assign(if condition: String = "true") -> String {
    """
    INSERT INTO emails (\([EmailColumn.emailKey, .userID].list())) VALUES ($1, $2)
    ON CONFLICT (email_key) DO UPDATE SET \([EmailColumn.userID].assignments(from: "excluded")), \
    \([EmailColumn.reservedUntil].assignmentsOfDefaults()) WHERE \(condition)
    """
  }
}

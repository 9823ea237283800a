internal import Postgres

/// The columns of `imports`.
enum ImportColumn: Int, TableColumn {
  case userID, importID, result, importedAt

  static let insert = Statement(
    .write, "INSERT INTO imports (\(allCases.list())) VALUES (\(allCases.parameters()))")
}

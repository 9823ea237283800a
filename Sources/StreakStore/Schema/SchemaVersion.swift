internal import Postgres

/// One step of the database's schema. Steps are applied in order, without gaps, each wholly, and
/// never changed once released. A step removes nothing that programs of the release before need:
/// they keep using the database while they are replaced.
struct SchemaVersion: Sendable {
  /// Its place in the order, from 1.
  let number: Int32
  /// A short name for readers of the table of versions.
  let name: String
  /// The SQL of the step, in order.
  let statements: [Statement]

  init(number: Int32, name: String, statements: [String]) {
    self.number = number
    self.name = name
    self.statements = statements.map { Statement(.write, $0) }
  }

  /// A step that is written in SQL files.
  init(number: Int32, name: String, files: [[UInt8]]) {
    self.init(
      number: number, name: name,
      statements: files.flatMap { Self.statements(in: String(decoding: $0, as: UTF8.self)) })
  }

  /// The statements of an SQL file: each ends with a semicolon before an empty line, or the file's
  /// end.
  static func statements(in text: String) -> [String] {
    var statements: [String] = []
    var lines: [Substring] = []
    func isStatement() -> Bool { lines.contains { !$0.isEmpty && !$0.hasPrefix("--") } }
    func close() {
      var statement = lines.joined(separator: "\n")
      if statement.hasSuffix(";") { statement.removeLast() }
      if isStatement() { statements.append(statement) }
      lines = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.isEmpty, lines.last?.hasSuffix(";") ?? true || !isStatement() { close() } else { lines.append(line) }
    }
    close()
    return statements
  }

  /// Every step that this program knows, in order.
  static let all: [SchemaVersion] = [
    SchemaVersion(
      number: 1, name: "baseline",
      files: [
        PackageResources.accounts_sql, PackageResources.ledger_sql, PackageResources.sync_sql,
        PackageResources.migration_sql, PackageResources.audit_sql, PackageResources.limits_sql,
        PackageResources.service_sql, PackageResources.epoch_sql, PackageResources.recovery_sql,
        PackageResources.mail_sql,
      ])
  ]
}

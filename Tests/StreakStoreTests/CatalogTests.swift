import Postgres
@testable import StreakStore
import Testing

@Suite(.serialized) struct CatalogTests {
  private struct Column: Hashable {
    let table: String
    let column: String
  }

  private static func columns(_ test: TestStore) async throws -> [Column] {
    try await test.database.run(
      Statement(
        .read,
        """
        SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = current_schema() ORDER BY 1, 2
        """)
    ).map { row throws(DatabaseError) in Column(table: try row.string(0), column: try row.string(1)) }
  }

  /// The columns that the registry does not know.
  private static func unknown(_ columns: [Column]) -> [String] {
    let personal = Dictionary(uniqueKeysWithValues: TableRegistry.personal.map { ($0.name, $0.userColumn) })
    var found: Set<String> = []
    for column in columns {
      guard let userColumn = personal[column.table] else {
        if !TableRegistry.impersonal.contains(column.table) { found.insert(column.table) }
        continue
      }
      if looksPersonal(column.column), column.column != userColumn { found.insert("\(column.table).\(column.column)") }
    }
    for column in columns where TableRegistry.impersonal.contains(column.table) && looksPersonal(column.column) {
      found.insert("\(column.table).\(column.column)")
    }
    for (table, userColumn) in personal where !columns.contains(Column(table: table, column: userColumn)) {
      found.insert("\(table).\(userColumn) is in the registry only")
    }
    return found.sorted()
  }

  private static func looksPersonal(_ column: String) -> Bool {
    TableRegistry.userColumns.contains(column)
      || ["user", "person", "account", "owner", "claim"].contains { word in
        column.split(separator: "_").contains { $0.hasPrefix(word) }
      } && column.hasSuffix("_id") || column.hasSuffix("_by")
  }

  // C100
  @Test("every table is known to export, erasure and merge, or to hold no personal data")
  func allKnown() async throws {
    try await TestStore.run { test async throws in #expect(Self.unknown(try await Self.columns(test)) == []) }
  }

  // C100
  @Test(
    "a new table, or a new column that refers to a user, is detected",
    arguments: [
      ("CREATE TABLE badges (user_id uuid, badge text)", "badges"),
      ("CREATE TABLE weather (day integer)", "weather"),
      ("ALTER TABLE habits ADD COLUMN shared_with_user_id uuid", "habits.shared_with_user_id"),
      ("ALTER TABLE backup_runs ADD COLUMN started_by uuid", "backup_runs.started_by"),
      ("ALTER TABLE cells RENAME COLUMN user_id TO person", "cells.user_id is in the registry only"),
    ])
  func noticed(change: String, what: String) async throws {
    try await TestStore.run { test async throws in
      _ = try await test.database.run(Statement(.write, change))
      #expect(Self.unknown(try await Self.columns(test)) == [what])
    }
  }

  @Test("functions that run with their owner's rights look for tables in the service's schema, and last in pg_temp")
  func definersPaths() async throws {
    try await TestStore.run { test async throws in
      let found = try await test.database.run(
        Statement(
          .read,
          """
          SELECT proname::text, coalesce(array_to_string(proconfig, ';'), ''), current_schema()::text FROM pg_proc
          WHERE pronamespace = current_schema()::regnamespace AND prosecdef ORDER BY 1
          """)
      ).map { row throws(DatabaseError) in (try row.string(0), try row.string(1), try row.string(2)) }
      #expect(
        found.map(\.0) == [
          "append_audit_event", "erase_audit_trail", "forget_audit_events", "forget_unauthenticated_events",
          "observe_timeline",
        ])
      for (name, setting, schema) in found { #expect(setting == "search_path=\(schema), pg_temp", "\(name)") }
    }
  }
}

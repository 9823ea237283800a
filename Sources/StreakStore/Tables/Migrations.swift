internal import Postgres
internal import StreakDomain

/// The columns of `migrations`.
enum MigrationColumn: Int, TableColumn {
  case userID, migrationID, sessionID, anchor, manifestHash, result, committedAt, changeNumber, undoneAt, undoResult

  /// The columns of a migration's record.
  static let record: [MigrationColumn] = allCases.filter { $0 != .userID }
  /// The columns that are stored with a migration; its undo stores the others.
  static let inserted: [MigrationColumn] = allCases.filter { $0 != .undoneAt && $0 != .undoResult }

  /// The value to insert.
  func value(_ migration: MigrationRecord, of userID: Identifier) -> PostgresValue {
    switch self {
    case .userID: .identifier(userID)
    case .migrationID: .identifier(migration.migrationID)
    case .sessionID: .identifier(migration.sessionID)
    case .anchor: .instant(migration.anchor)
    case .manifestHash: .bytes(migration.manifestHash)
    case .result: .bytes(migration.result)
    case .committedAt: .instant(migration.committedAt)
    case .changeNumber: .int64(migration.changeNumber)
    case .undoneAt: .instant(migration.undoneAt)
    case .undoResult: .bytes(migration.undoResult)
    }
  }
}

extension Row {
  /// Decodes `MigrationColumn.record`.
  func migration(_ at: Selection<MigrationColumn>) throws(DatabaseError) -> MigrationRecord {
    MigrationRecord(
      migrationID: try identifier(at[.migrationID]), sessionID: try identifier(at[.sessionID]),
      anchor: try instantOrNull(at[.anchor]), manifestHash: try bytes(at[.manifestHash]),
      result: try bytes(at[.result]), committedAt: try instant(at[.committedAt]),
      changeNumber: try int64(at[.changeNumber]), undoneAt: try instantOrNull(at[.undoneAt]),
      undoResult: try bytesOrNull(at[.undoResult]))
  }
}

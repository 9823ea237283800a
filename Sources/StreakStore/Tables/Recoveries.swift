internal import Postgres
internal import StreakDomain

/// The columns of `recoveries`.
enum RecoveryColumn: Int, TableColumn {
  case recoveryID, userID, backup, backupAt, requestedAt, state, failure, records, result

  /// The columns of a recovery's record.
  static let record: [RecoveryColumn] = allCases.filter { $0 != .records && $0 != .result }
  /// The columns of what a merge needs.
  static let merge: [RecoveryColumn] = [.state, .records, .result]

  /// The value to insert, of `record`.
  func value(_ recovery: RecoveryRecord) -> PostgresValue {
    switch self {
    case .recoveryID: .identifier(recovery.recoveryID)
    case .userID: .identifier(recovery.userID)
    case .backup: .string(recovery.backup)
    case .backupAt: .instant(recovery.backupAt)
    case .requestedAt: .instant(recovery.requestedAt)
    case .state: .int16(recovery.stage.rawValue)
    case .failure: .string(recovery.failure)
    case .records, .result: .bytes(nil as [UInt8]?)
    }
  }
}

extension Row {
  /// Decodes `RecoveryColumn.record`.
  func recovery(_ at: Selection<RecoveryColumn>) throws(DatabaseError) -> RecoveryRecord {
    RecoveryRecord(
      recoveryID: try identifier(at[.recoveryID]), userID: try identifier(at[.userID]),
      backup: try string(at[.backup]), backupAt: try instant(at[.backupAt]),
      requestedAt: try instant(at[.requestedAt]), stage: try known(at[.state]),
      failure: try string(at[.failure]))
  }
}

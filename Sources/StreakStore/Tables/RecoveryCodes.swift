internal import Postgres
internal import StreakDomain

/// The columns of `recovery_codes`.
enum RecoveryCodeColumn: Int, TableColumn {
  case userID, codeHash, createdAt, madeOn, usedAt, sealedReply

  /// The columns that are stored with a code.
  static let inserted: [RecoveryCodeColumn] = [.userID, .codeHash, .createdAt, .madeOn]
  /// The columns that its use stores.
  static let use: [RecoveryCodeColumn] = [.usedAt, .sealedReply]
}

extension Row {
  /// Decodes `RecoveryCodeColumn.use`.
  func recoveryCode(_ at: Selection<RecoveryCodeColumn>) throws(DatabaseError) -> RecoveryCodeRecord {
    RecoveryCodeRecord(
      isUsed: try instantOrNull(at[.usedAt]) != nil, sealedReply: try bytesOrNull(at[.sealedReply]))
  }
}

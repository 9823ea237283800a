internal import Postgres
internal import StreakDomain

/// The columns of `heads`.
enum HeadColumn: Int, TableColumn {
  case userID, firstDay, changeNumber, digest, zoneUses, habitCount, sources, settings, storageUse

  /// The columns of a ledger.
  static let ledger: [HeadColumn] = [.firstDay] + changing
  /// The columns that every change stores.
  static let changing: [HeadColumn] = [
    .changeNumber, .digest, .zoneUses, .habitCount, .sources, .settings, .storageUse,
  ]
  /// The columns of the current position of a person's data.
  static let standing: [HeadColumn] = [.changeNumber, .digest, .zoneUses, .sources, .settings]

  /// How the column is written.
  var written: WrittenColumn<ApplyStatement.HeadRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .firstDay: .int32(columnName) { $0.ledger.firstDay.number }
    case .changeNumber: .int64(columnName) { $0.ledger.changeNumber }
    case .digest: .bytes(columnName) { $0.ledger.digest.bytes }
    case .zoneUses: .bytes(columnName) { $0.ledger.zones.encoded }
    case .habitCount: .int32(columnName) { Int32(clamping: $0.ledger.habitCount) }
    case .sources: .bytes(columnName) { $0.ledger.sources.encoded }
    case .settings: .bytes(columnName) { $0.ledger.settings.encoded }
    case .storageUse: .bytes(columnName) { $0.ledger.use.encoded }
    }
  }
}

extension Row {
  func digest(_ column: Int) throws(DatabaseError) -> StateDigest { StateDigest(bytes: try bytes(column)) ?? .empty }

  /// Decodes `HeadColumn.ledger`.
  func ledger(_ at: Selection<HeadColumn>, epoch: Epoch, limits: StoreLimits) throws(DatabaseError) -> PersonLedger {
    PersonLedger(
      epoch: epoch, firstDay: Day(try int32(at[.firstDay])), changeNumber: try int64(at[.changeNumber]),
      zones: RecentTimeZones(encoded: try bytes(at[.zoneUses])), digest: try digest(at[.digest]),
      habitCount: Int(try int32(at[.habitCount])), sources: StreakDomain.Sources(encoded: try bytes(at[.sources])),
      settings: AccountSettings(encoded: try bytes(at[.settings])), habitsMax: limits.habitsPerPersonMax,
      use: StorageUse(encoded: try bytes(at[.storageUse])), quotas: limits.quotas)
  }

  /// Decodes `HeadColumn.standing`.
  func head(_ at: Selection<HeadColumn>) throws(DatabaseError) -> PersonHead {
    PersonHead(
      changeNumber: try int64(at[.changeNumber]), digest: try digest(at[.digest]),
      sources: StreakDomain.Sources(encoded: try bytes(at[.sources])),
      settings: AccountSettings(encoded: try bytes(at[.settings])),
      zones: RecentTimeZones(encoded: try bytes(at[.zoneUses])))
  }
}

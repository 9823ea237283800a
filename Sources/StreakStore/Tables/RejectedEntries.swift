internal import Postgres
internal import StreakDomain

/// The columns of `rejected_entries`.
enum RejectedEntryColumn: Int, TableColumn {
  case userID, entryID, migrationID, entryIndex, habitID, day, done, note
  case occurredAt, zone, utcOffsetSeconds, dayStartMinutes, reason, rejectedAt, noteHash

  /// The columns of an inbox record.
  static let record: [RejectedEntryColumn] = allCases.filter { $0 != .userID }

  /// How the column is written.
  var written: WrittenColumn<RejectedEntryRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .entryID: .identifier(columnName) { $0.entry.entryID }
    case .migrationID: .identifier(columnName) { $0.entry.migrationID }
    case .entryIndex: .int32(columnName) { $0.entry.index }
    case .habitID: .identifier(columnName) { $0.entry.habitID }
    case .day: .int32(columnName) { $0.entry.day.number }
    case .done: .bool(columnName) { $0.entry.done }
    case .note: .text(columnName) { $0.entry.note }
    case .occurredAt: .instant(columnName) { $0.entry.clientTime.occurredAt }
    case .zone: .text(columnName) { $0.entry.clientTime.zone }
    case .utcOffsetSeconds: .int32(columnName) { $0.entry.clientTime.utcOffsetSeconds }
    case .dayStartMinutes: .int32(columnName) { $0.entry.clientTime.dayStartMinutes }
    case .reason: .int32(columnName) { $0.entry.reason?.rawValue ?? 0 }
    case .rejectedAt: .instant(columnName) { $0.entry.rejectedAt }
    case .noteHash: .bytes(columnName) { $0.entry.noteHash }
    }
  }

  /// Stores entries, in any number of rows.
  static let insert = ColumnarPart<RejectedEntryRow>(
    allCases.map(\.written), "INSERT INTO rejected_entries (\(allCases.list())) SELECT w.* FROM SOURCE")
  /// Stores those entries that do not exist yet.
  static let insertMissing = ColumnarPart<RejectedEntryRow>(
    allCases.map(\.written),
    "INSERT INTO rejected_entries (\(allCases.list())) SELECT w.* FROM SOURCE ON CONFLICT DO NOTHING")
}

/// A row of `rejected_entries`.
struct RejectedEntryRow {
  let userID: Identifier
  let entry: RejectedEntry
}

extension Row {
  /// Decodes `RejectedEntryColumn.record`.
  func rejectedEntry(_ at: Selection<RejectedEntryColumn>) throws(DatabaseError) -> RejectedEntry {
    RejectedEntry(
      entryID: try identifier(at[.entryID]), migrationID: try identifierOrNull(at[.migrationID]),
      index: try int32(at[.entryIndex]), habitID: try identifier(at[.habitID]), day: Day(try int32(at[.day])),
      done: try bool(at[.done]), note: try string(at[.note]),
      clientTime: ClientTime(
        occurredAt: try instant(at[.occurredAt]), zone: try string(at[.zone]),
        utcOffsetSeconds: try int32(at[.utcOffsetSeconds]), dayStartMinutes: try int32(at[.dayStartMinutes])),
      reason: Reason(rawValue: try int32(at[.reason])), rejectedAt: try instant(at[.rejectedAt]),
      noteHash: try bytes(at[.noteHash]))
  }
}

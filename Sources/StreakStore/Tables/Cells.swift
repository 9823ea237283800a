internal import Postgres
internal import StreakDomain

/// The columns of `cells` and `cell_history`.
package enum CellColumn: Int, TableColumn {
  case userID, habitID, day
  case done, note, quarantineReason, version, sourceID, seq, changedTime, details
  case occurredAt, zone, utcOffsetSeconds, dayStartMinutes, recordedAt
  /// Only in `cells`.
  case firstVersion
  /// Only in `cell_history`.
  case nextVersion, noteHash

  static let key: [CellColumn] = [.habitID, .day]
  static let state: [CellColumn] = [
    .done, .note, .quarantineReason, .version, .sourceID, .seq, .changedTime, .details, .occurredAt, .zone,
    .utcOffsetSeconds, .dayStartMinutes, .recordedAt,
  ]
  /// The columns of both tables.
  static let shared: [CellColumn] = [.userID] + key + state
  /// The selected columns of an entry.
  static let entry: [CellColumn] = key + state

  /// How the column is written.
  var written: WrittenColumn<ApplyStatement.CellRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .habitID: .identifier(columnName) { $0.key.habitID }
    case .day: .int32(columnName) { $0.key.day.number }
    case .done: .bool(columnName) { $0.state.cell.done }
    case .note: .text(columnName) { $0.state.cell.note }
    case .quarantineReason: .int16(columnName) { Int16($0.state.cell.trust.number) }
    case .version: .int64(columnName) { $0.state.version }
    case .sourceID: .identifier(columnName) { $0.state.stamp.id.source }
    case .seq: .int64(columnName) { $0.state.stamp.id.seq }
    case .changedTime: .int64(columnName) { Int64(bitPattern: $0.state.stamp.time.packed) }
    case .details: .bytes(columnName) { $0.state.encodedDetails }
    case .occurredAt: .instant(columnName) { $0.state.clientTime.occurredAt }
    case .zone: .text(columnName) { $0.state.clientTime.zone }
    case .utcOffsetSeconds: .int32(columnName) { $0.state.clientTime.utcOffsetSeconds }
    case .dayStartMinutes: .int16(columnName) { Int16(clamping: $0.state.clientTime.dayStartMinutes) }
    case .recordedAt: .instant(columnName) { $0.state.recordedAt }
    case .firstVersion, .nextVersion: .int64(columnName) { $0.linkedVersion }
    case .noteHash: .bytes(columnName) { $0.noteHash }
    }
  }
}

extension Row {
  /// Decodes `CellColumn.key`.
  func cellKey(_ at: Selection<CellColumn>) throws(DatabaseError) -> CellKey {
    CellKey(habitID: try identifier(at[.habitID]), day: Day(try int32(at[.day])))
  }

  /// Decodes `CellColumn.state`.
  func cellState(_ at: Selection<CellColumn>) throws(DatabaseError) -> CellState {
    let clientTime = ClientTime(
      occurredAt: try instant(at[.occurredAt]), zone: try string(at[.zone]),
      utcOffsetSeconds: try int32(at[.utcOffsetSeconds]), dayStartMinutes: Int32(try int16(at[.dayStartMinutes])))
    let stamp = Stamp(
      time: HybridTime(packed: UInt64(bitPattern: try int64(at[.changedTime]))),
      id: StatementID(source: try identifier(at[.sourceID]), seq: try int64(at[.seq])))
    let trust = CellTrust(number: UInt8(clamping: try int16(at[.quarantineReason])))
    var state = CellState(
      cell: CellContent(done: try bool(at[.done]), note: try string(at[.note]), trust: trust),
      version: try int64(at[.version]), stamp: stamp, clientTime: clientTime, recordedAt: try instant(at[.recordedAt]))
    state.setDetails(encoded: try bytes(at[.details]))
    return state
  }

  /// Decodes `CellColumn.entry`.
  func cellEntry(_ at: Selection<CellColumn>) throws(DatabaseError) -> CellEntry {
    CellEntry(key: try cellKey(at), state: try cellState(at))
  }
}

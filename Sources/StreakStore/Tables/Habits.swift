internal import Postgres
internal import StreakDomain

/// The columns of `habits`.
package enum HabitColumn: Int, TableColumn {
  case userID, habitID
  case name, description, color, position, archived
  case createdAt, version, isDeleted, returnedVersion, statements, aliasOf, firstID
  case totalDays, longestRun, lastRunFirstDay, lastRunLastDay, previousRunFirstDay, previousRunLastDay, earlyDays

  static let summary: [HabitColumn] = [
    .totalDays, .longestRun, .lastRunFirstDay, .lastRunLastDay, .previousRunFirstDay, .previousRunLastDay,
  ]
  /// The columns that follow from a habit's cells.
  static let counted: [HabitColumn] = summary + [.earlyDays]
  /// All columns but the key.
  static let state: [HabitColumn] = allCases.filter { $0 != .userID && $0 != .habitID }
  /// The columns that an edit may change.
  static let changing: [HabitColumn] = state.filter { $0 != .createdAt }
  /// The columns of a habit as its person sees it.
  static let entry: [HabitColumn] = [
    .habitID, .name, .description, .color, .position, .archived, .version, .createdAt, .isDeleted, .aliasOf,
  ]

  /// How the column is written.
  var written: WrittenColumn<ApplyStatement.HabitRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .habitID: .identifier(columnName) { $0.habitID }
    case .name: .text(columnName) { $0.habit.fields.name }
    case .description: .text(columnName) { $0.habit.fields.description }
    case .color: .int32(columnName) { Int32(clamping: $0.habit.fields.color) }
    case .position: .int32(columnName) { $0.habit.fields.position }
    case .archived: .bool(columnName) { $0.habit.fields.archived }
    case .createdAt: .instant(columnName) { $0.habit.createdAt }
    case .version: .int64(columnName) { $0.habit.version }
    case .isDeleted: .bool(columnName) { $0.habit.isDeleted }
    case .returnedVersion: .int64(columnName) { $0.habit.returnedVersion }
    case .statements: .bytes(columnName) { $0.habit.encodedStatements }
    case .aliasOf: .identifier(columnName) { $0.habit.aliasOf }
    case .firstID: .identifier(columnName) { $0.habit.firstID }
    case .totalDays: .int32(columnName) { Int32(clamping: $0.habit.summary.total) }
    case .longestRun: .int32(columnName) { Int32(clamping: $0.habit.summary.longest) }
    case .lastRunFirstDay: .int32(columnName) { $0.habit.summary.lastRun?.lowerBound.number ?? 0 }
    case .lastRunLastDay: .int32(columnName) { $0.habit.summary.lastRun?.upperBound.number ?? 0 }
    case .previousRunFirstDay: .int32(columnName) { $0.habit.summary.previousRun?.lowerBound.number ?? 0 }
    case .previousRunLastDay: .int32(columnName) { $0.habit.summary.previousRun?.upperBound.number ?? 0 }
    case .earlyDays: .int16(columnName) { Int16(clamping: $0.habit.earlyDays) }
    }
  }
}

extension Row {
  func habitFields(_ at: Selection<HabitColumn>) throws(DatabaseError) -> HabitFields {
    HabitFields(
      name: try string(at[.name]), description: try string(at[.description]),
      color: UInt32(bitPattern: try int32(at[.color])), position: try int32(at[.position]),
      archived: try bool(at[.archived]))
  }

  /// Decodes `HabitColumn.state`.
  func habitState(_ at: Selection<HabitColumn>) throws(DatabaseError) -> HabitState {
    HabitState(
      fields: try habitFields(at), createdAt: try instant(at[.createdAt]), version: try int64(at[.version]),
      isDeleted: try bool(at[.isDeleted]), returnedVersion: try int64(at[.returnedVersion]),
      encodedStatements: try bytes(at[.statements]), summary: try summary(at),
      earlyDays: Int(try int16(at[.earlyDays])), aliasOf: try identifierOrNull(at[.aliasOf]),
      firstID: try identifierOrNull(at[.firstID]))
  }

  /// Decodes `HabitColumn.entry`.
  func habitEntry(_ at: Selection<HabitColumn>) throws(DatabaseError) -> HabitEntry {
    HabitEntry(
      id: try identifier(at[.habitID]), fields: try habitFields(at), createdAt: try instant(at[.createdAt]),
      version: try int64(at[.version]), isDeleted: try bool(at[.isDeleted]),
      aliasOf: try identifierOrNull(at[.aliasOf]))
  }

  /// Decodes `HabitColumn.summary`.
  func summary(_ at: Selection<HabitColumn>) throws(DatabaseError) -> StreakSummary {
    StreakSummary(
      total: Int(try int32(at[.totalDays])), longest: Int(try int32(at[.longestRun])),
      lastRun: try run(at[.lastRunFirstDay], at[.lastRunLastDay]),
      previousRun: try run(at[.previousRunFirstDay], at[.previousRunLastDay]))
  }

  /// Columns of a run's first and last day; both 0 if there is none.
  private func run(_ first: Int, _ last: Int) throws(DatabaseError) -> Run? {
    let (first, last) = (try int32(first), try int32(last))
    return first != 0 && first <= last ? Day(first)...Day(last) : nil
  }
}

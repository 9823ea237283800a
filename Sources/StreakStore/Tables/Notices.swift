internal import Postgres
internal import StreakDomain

/// The columns of `notices`.
enum NoticeColumn: Int, TableColumn {
  case userID, noticeID, kind, habitID, day, field, kept, other, otherDeviceID, madeAt, version, resolved

  /// A notice with its id.
  static let entry: [NoticeColumn] = allCases.filter { $0 != .userID }
  /// The columns that change when the notice exists.
  static let changing: [NoticeColumn] = [.kept, .other, .version, .resolved]

  /// How the column is written.
  var written: WrittenColumn<ApplyStatement.NoticeRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .noticeID: .identifier(columnName) { $0.noticeID }
    case .kind: .int16(columnName) { $0.notice.kind.rawValue }
    case .habitID: .identifier(columnName) { $0.notice.habitID }
    case .day: .int32(columnName) { $0.notice.day?.number ?? 0 }
    case .field: .int16(columnName) { Int16(clamping: $0.notice.field?.rawValue ?? 0) }
    case .kept: .text(columnName) { $0.notice.kept }
    case .other: .text(columnName) { $0.notice.other }
    case .otherDeviceID: .identifier(columnName) { $0.notice.otherDeviceID }
    case .madeAt: .instant(columnName) { $0.notice.madeAt }
    case .version: .int64(columnName) { $0.notice.version }
    case .resolved: .bool(columnName) { $0.notice.isResolved }
    }
  }
}

extension Row {
  /// Decodes `NoticeColumn.entry`.
  func notice(_ at: Selection<NoticeColumn>) throws(DatabaseError) -> (id: Identifier, notice: Notice) {
    let day = try int32(at[.day])
    let notice = Notice(
      kind: Notice.Kind(rawValue: try int16(at[.kind])) ?? .noteConflict, habitID: try identifier(at[.habitID]),
      day: day == 0 ? nil : Day(day), field: HabitField(rawValue: Int(try int16(at[.field]))),
      kept: try string(at[.kept]), other: try string(at[.other]),
      otherDeviceID: try identifierOrNull(at[.otherDeviceID]), madeAt: try instant(at[.madeAt]),
      version: try int64(at[.version]), isResolved: try bool(at[.resolved]))
    return (try identifier(at[.noticeID]), notice)
  }
}

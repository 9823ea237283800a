internal import Postgres
internal import StreakDomain

/// The columns of `notices`.
enum NoticeColumn: Int, TableColumn {
  case userID, noticeID, kind, habitID, day, field, winningValue, losingValue, losingDeviceID, madeAt, version, resolved

  /// A notice with its id.
  static let entry: [NoticeColumn] = allCases.filter { $0 != .userID }
  /// The columns that change when the notice exists.
  static let changing: [NoticeColumn] = [.winningValue, .losingValue, .version, .resolved]

  /// How the column is written.
  var written: WrittenColumn<ApplyStatement.NoticeRow> {
    switch self {
    case .userID: .identifier(columnName) { $0.userID }
    case .noticeID: .identifier(columnName) { $0.noticeID }
    case .kind: .int16(columnName) { $0.notice.kind.rawValue }
    case .habitID: .identifier(columnName) { $0.notice.habitID }
    case .day: .int32(columnName) { $0.notice.day?.number ?? 0 }
    case .field: .int16(columnName) { Int16(clamping: $0.notice.field?.rawValue ?? 0) }
    case .winningValue: .text(columnName) { $0.notice.winningValue?.text ?? "" }
    case .losingValue: .text(columnName) { $0.notice.losingValue?.text ?? "" }
    case .losingDeviceID: .identifier(columnName) { $0.notice.losingDeviceID }
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
    let kind: Notice.Kind = try known(at[.kind])
    let field = HabitField(rawValue: Int(try int16(at[.field])))
    guard kind != .fieldConflict || field != nil else { throw .undecodable(.malformedValue(column: at[.field])) }
    let form = Notice.Form(kind, field)
    let notice = Notice(
      kind: kind, habitID: try identifier(at[.habitID]), day: day == 0 ? nil : Day(day), field: field,
      winningValue: Notice.Value(try string(at[.winningValue]), form),
      losingValue: Notice.Value(try string(at[.losingValue]), form),
      losingDeviceID: try identifierOrNull(at[.losingDeviceID]), madeAt: try instant(at[.madeAt]),
      version: try int64(at[.version]), isResolved: try bool(at[.resolved]))
    return (try identifier(at[.noticeID]), notice)
  }
}

internal import GRPCSchema
public import Schema
public import StreakDomain

extension StreakDomain.Notice {
  /// Nil for an unknown kind, and for a notice without a habit.
  public init?(_ message: Schema.Notice) {
    guard let kind = Kind(rawValue: Int16(clamping: message.kind.rawValue)),
      let habitID = Identifier(message.habitId)
    else { return nil }
    self.init(
      kind: kind, habitID: habitID, day: message.day == 0 ? nil : Day(message.day),
      field: StreakDomain.HabitField(rawValue: Int(message.field.rawValue)), kept: message.kept, other: message.other,
      otherDeviceID: Identifier(message.otherDeviceId), madeAt: message.madeAt?.instant?.wholeMilliseconds ?? .epoch,
      version: message.version, isResolved: message.resolved)
  }
}

extension Schema.Notice {
  public init(_ id: Identifier, _ notice: StreakDomain.Notice) {
    self.init(
      noticeId: id.bytes, kind: NoticeKind(rawValue: Int32(notice.kind.rawValue)), habitId: notice.habitID.bytes,
      day: notice.day?.number ?? 0, field: Schema.HabitField(rawValue: Int32(notice.field?.rawValue ?? 0)),
      kept: notice.kept, other: notice.other, otherDeviceId: notice.otherDeviceID?.bytes ?? [],
      madeAt: GoogleProtobufTimestamp(notice.madeAt), version: notice.version, resolved: notice.isResolved)
  }
}

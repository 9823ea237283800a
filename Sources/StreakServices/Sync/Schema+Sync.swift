internal import GRPCSchema
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension Schema.OperationOutcome {
  init(_ outcome: StreakDomain.OperationOutcome) {
    self.init(
      seq: outcome.seq, status: OperationStatus(rawValue: Int32(outcome.status.rawValue)),
      reason: outcome.rejection.map { ErrorReason($0) } ?? .unspecified, changeNumber: outcome.changeNumber,
      trust: outcome.trust.map { $0 == .counted ? .counted : .quarantined } ?? .unspecified,
      quarantineReason: Schema.QuarantineReason(outcome.trust ?? .counted),
      noticeId: outcome.noticeID?.bytes ?? [])
  }
}

extension Habit {
  init(_ id: Identifier, _ state: HabitState) {
    self.init(
      id: id.bytes, name: state.fields.name, description: state.fields.description, color: state.fields.color,
      position: state.fields.position, archived: state.fields.archived, version: state.version,
      createdAt: GoogleProtobufTimestamp(Moment(milliseconds: state.createdAtMilliseconds)))
  }
}

extension HabitAlias {
  init?(_ id: Identifier, _ state: HabitState) {
    guard let habitID = state.aliasOf else { return nil }
    self.init(aliasId: id.bytes, habitId: habitID.bytes)
  }
}

extension Cell {
  init(_ key: CellKey, _ state: CellState) { self.init(CellRecord(key, state)) }
}

extension Schema.Notice {
  init(_ id: Identifier, _ notice: StreakDomain.Notice) {
    self.init(
      noticeId: id.bytes, kind: NoticeKind(rawValue: Int32(notice.kind.rawValue)), habitId: notice.habitID.bytes,
      day: notice.day?.number ?? 0, field: Schema.HabitField(rawValue: Int32(notice.field?.rawValue ?? 0)),
      kept: notice.kept, other: notice.other, otherDeviceId: notice.otherDeviceID?.bytes ?? [],
      madeAt: GoogleProtobufTimestamp(Moment(milliseconds: notice.madeAtMilliseconds)), version: notice.version,
      resolved: notice.isResolved)
  }
}

internal import GRPCSchema
public import Schema
public import StreakDomain

extension StreakDomain.Notice {
  /// Nil for an unknown kind or field, for a notice without a habit, and for values of another form
  /// than the kind has.
  public init?(_ message: Schema.Notice) {
    guard let kind = Kind(rawValue: Int16(clamping: message.kind.rawValue)),
      let habitID = Identifier(message.habitId)
    else { return nil }
    let field = StreakDomain.HabitField(rawValue: Int(message.field.rawValue))
    guard kind != .fieldConflict || field != nil else { return nil }
    let form = Form(kind, field)
    let (winning, losing) = (Value(message.winningValue), Value(message.losingValue))
    guard form.accepts(winning), form.accepts(losing) else { return nil }
    self.init(
      kind: kind, habitID: habitID, day: message.day == 0 ? nil : Day(message.day), field: field,
      winningValue: winning, losingValue: losing, losingDeviceID: Identifier(message.losingDeviceId),
      madeAt: message.madeAt?.instant?.wholeMilliseconds ?? .epoch, version: message.version,
      isResolved: message.resolved)
  }
}

extension StreakDomain.Notice.Value {
  /// Nil for an absent value.
  public init?(_ message: NoticeValue?) {
    switch message?.value {
    case .text(let text): self = .text(text)
    case .flag(let flag): self = .flag(flag)
    case .number(let number): self = .number(number)
    case nil: return nil
    }
  }
}

extension NoticeValue {
  /// Nil for an absent value.
  fileprivate init?(_ value: StreakDomain.Notice.Value?) {
    switch value {
    case .text(let text): self.init(value: .text(text))
    case .flag(let flag): self.init(value: .flag(flag))
    case .number(let number): self.init(value: .number(number))
    case nil: return nil
    }
  }
}

extension Schema.Notice {
  public init(_ id: Identifier, _ notice: StreakDomain.Notice) {
    self.init(
      noticeId: id.bytes, kind: NoticeKind(rawValue: Int32(notice.kind.rawValue)), habitId: notice.habitID.bytes,
      day: notice.day?.number ?? 0, field: Schema.HabitField(rawValue: Int32(notice.field?.rawValue ?? 0)),
      winningValue: NoticeValue(notice.winningValue), losingValue: NoticeValue(notice.losingValue),
      losingDeviceId: notice.losingDeviceID?.bytes ?? [], madeAt: GoogleProtobufTimestamp(notice.madeAt),
      version: notice.version, resolved: notice.isResolved)
  }
}

internal import GRPCSchema
public import Schema
public import StreakDomain

extension StreakDomain.Notice {
  /// Nil for an unknown kind, for a notice without a habit, and for values of another form than the
  /// kind has.
  public init?(_ message: Schema.Notice) {
    guard let kind = Kind(rawValue: Int16(clamping: message.kind.rawValue)),
      let habitID = Identifier(message.habitId)
    else { return nil }
    let field = StreakDomain.HabitField(rawValue: Int(message.field.rawValue))
    let form = Form(kind, field)
    guard let kept = form.kept(message.kept), let other = form.other(message.other) else { return nil }
    self.init(
      kind: kind, habitID: habitID, day: message.day == 0 ? nil : Day(message.day), field: field, kept: kept,
      other: other, otherDeviceID: Identifier(message.otherDeviceId),
      madeAt: message.madeAt?.instant?.wholeMilliseconds ?? .epoch, version: message.version,
      isResolved: message.resolved)
  }
}

extension StreakDomain.Notice.Form {
  /// The winning value's text; nil for a value of another form.
  public func kept(_ value: NoticeValue?) -> String? { text(value, ofDeletion: "archived") }

  /// The losing value's text; nil for a value of another form.
  public func other(_ value: NoticeValue?) -> String? { text(value, ofDeletion: "deleted") }

  private func text(_ value: NoticeValue?, ofDeletion: String) -> String? {
    switch (self, value?.value) {
    case (.text, .text(let text)): text
    case (.flag, .flag(let flag)): String(flag)
    case (.number, .number(let number)): String(number)
    case (.deletion, nil): ofDeletion
    case (.text, _), (.flag, _), (.number, _), (.deletion, _): nil
    }
  }

  fileprivate func value(_ text: String) -> NoticeValue? {
    switch self {
    case .text: NoticeValue(value: .text(text))
    case .flag: NoticeValue(value: .flag(text == String(true)))
    case .number: NoticeValue(value: .number(Int64(text) ?? 0))
    case .deletion: nil
    }
  }
}

extension Schema.Notice {
  public init(_ id: Identifier, _ notice: StreakDomain.Notice) {
    let form = StreakDomain.Notice.Form(notice.kind, notice.field)
    self.init(
      noticeId: id.bytes, kind: NoticeKind(rawValue: Int32(notice.kind.rawValue)), habitId: notice.habitID.bytes,
      day: notice.day?.number ?? 0, field: Schema.HabitField(rawValue: Int32(notice.field?.rawValue ?? 0)),
      kept: form.value(notice.kept), other: form.value(notice.other),
      otherDeviceId: notice.otherDeviceID?.bytes ?? [], madeAt: GoogleProtobufTimestamp(notice.madeAt),
      version: notice.version, resolved: notice.isResolved)
  }
}

import Schema
import SchemaConversion
import StreakDomain
import Testing

@Suite("Values of notices on the wire")
struct NoticeValueTests {
  private static let texts: [(StreakDomain.Notice.Kind, StreakDomain.HabitField?, String, NoticeValue.Value?)] = [
    (.noteConflict, nil, "", .text("")), (.noteConflict, nil, "true", .text("true")),
    (.doneConflict, nil, "true", .flag(true)), (.doneConflict, nil, "false", .flag(false)),
    (.fieldConflict, .name, "7", .text("7")), (.fieldConflict, .description, "", .text("")),
    (.fieldConflict, .color, "16777215", .number(16_777_215)), (.fieldConflict, .position, "0", .number(0)),
    (.fieldConflict, .archived, "true", .flag(true)), (.streakHealed, nil, "12", .number(12)),
  ]
  private static let id = Identifier(high: 1, low: 1)

  private func notice(
    _ kind: StreakDomain.Notice.Kind, _ field: StreakDomain.HabitField?, _ kept: String, _ other: String
  ) -> StreakDomain.Notice {
    StreakDomain.Notice(
      kind: kind, habitID: Self.id, field: field, kept: kept, other: other, otherDeviceID: nil, madeAt: .epoch,
      version: 1)
  }

  @Test("each kind of notice has values of one form, and comes back as it was")
  func forms() {
    for (kind, field, text, value) in Self.texts {
      let notice = notice(kind, field, text, text)
      let message = Schema.Notice(Self.id, notice)
      #expect(message.kept?.value == value && message.other?.value == value, "\(kind)")
      #expect(StreakDomain.Notice(message) == notice, "\(kind)")
    }
    let deletion = notice(.deletionConflict, nil, "archived", "deleted")
    let message = Schema.Notice(Self.id, deletion)
    #expect(message.kept == nil && message.other == nil)
    #expect(StreakDomain.Notice(message) == deletion)
  }

  @Test("a notice with a value of another form, or without one, is none")
  func otherForms() {
    let values: [NoticeValue.Value?] = [.text("1"), .flag(true), .number(1), nil]
    for (kind, field, text, right) in Self.texts {
      var message = Schema.Notice(Self.id, notice(kind, field, text, text))
      for value in values {
        message.other = value.map { NoticeValue(value: $0) }
        let isRight =
          switch (value, right) {
          case (.text, .text), (.flag, .flag), (.number, .number): true
          default: false
          }
        #expect((StreakDomain.Notice(message) != nil) == isRight, "\(kind) \(String(describing: value))")
      }
    }
  }
}

import Schema
import SchemaConversion
import StreakDomain
import Testing

@Suite("Values of notices on the wire")
struct NoticeValueTests {
  private typealias Value = StreakDomain.Notice.Value

  /// A kind with its field, and a value of it as text, in the domain and on the wire.
  private static let values:
    [(StreakDomain.Notice.Kind, StreakDomain.HabitField?, String, StreakDomain.Notice.Value, NoticeValue.Value)] = [
      (.noteConflict, nil, "", .text(""), .text("")), (.noteConflict, nil, "true", .text("true"), .text("true")),
      (.doneConflict, nil, "true", .flag(true), .flag(true)), (.doneConflict, nil, "false", .flag(false), .flag(false)),
      (.fieldConflict, .name, "7", .text("7"), .text("7")), (.fieldConflict, .description, "", .text(""), .text("")),
      (.fieldConflict, .color, "16777215", .number(16_777_215), .number(16_777_215)),
      (.fieldConflict, .position, "0", .number(0), .number(0)),
      (.fieldConflict, .archived, "true", .flag(true), .flag(true)),
      (.streakHealed, nil, "12", .number(12), .number(12)),
    ]
  private static let id = Identifier(high: 1, low: 1)

  private func notice(
    _ kind: StreakDomain.Notice.Kind, _ field: StreakDomain.HabitField?, _ value: StreakDomain.Notice.Value?
  ) -> StreakDomain.Notice {
    StreakDomain.Notice(
      kind: kind, habitID: Self.id, field: field, winningValue: value, losingValue: value, losingDeviceID: nil,
      madeAt: .epoch, version: 1)
  }

  @Test("each kind of notice has values of one form, and comes back as it was")
  func forms() {
    for (kind, field, text, value, onWire) in Self.values {
      let notice = notice(kind, field, value)
      let message = Schema.Notice(Self.id, notice)
      #expect(message.winningValue?.value == onWire && message.losingValue?.value == onWire, "\(kind)")
      #expect(value.text == text && Value(text, .init(kind, field)) == value, "\(kind)")
      #expect(StreakDomain.Notice(message) == notice, "\(kind)")
    }
    let deletion = notice(.deletionConflict, nil, nil)
    let message = Schema.Notice(Self.id, deletion)
    #expect(message.winningValue == nil && message.losingValue == nil)
    #expect(StreakDomain.Notice(message) == deletion)
  }

  @Test("a notice of an unknown kind, or about an unknown field, is none")
  func unknownNumbers() {
    var message = Schema.Notice(Self.id, notice(.fieldConflict, .name, .text("a")))
    message.field = Schema.HabitField(rawValue: 99)
    #expect(StreakDomain.Notice(message) == nil)
    message.field = .name
    message.kind = NoticeKind(rawValue: 99)
    #expect(StreakDomain.Notice(message) == nil)
  }

  @Test("a text of another form is no value")
  func foreignTexts() {
    for (text, form) in [("yes", .flag), ("", .flag), ("1.5", .number), ("", .number), ("archived", .none)]
      as [(String, StreakDomain.Notice.Form)]
    { #expect(Value(text, form) == nil, "\(text)") }
  }

  @Test("a notice with a value of another form, or without one, is none")
  func otherForms() {
    let others: [NoticeValue.Value?] = [.text("1"), .flag(true), .number(1), nil]
    for (kind, field, _, value, right) in Self.values {
      var message = Schema.Notice(Self.id, notice(kind, field, value))
      for other in others {
        message.losingValue = other.map { NoticeValue(value: $0) }
        let isRight =
          switch (other, right) {
          case (.text, .text), (.flag, .flag), (.number, .number): true
          default: false
          }
        #expect((StreakDomain.Notice(message) != nil) == isRight, "\(kind) \(String(describing: other))")
      }
    }
  }
}

import ProtobufCodec
import StreakClient

/// Describes notices and rejections.
struct NoticeText {
  private let names: [Identifier: String]

  init(_ habits: [HabitView]) { names = Dictionary(habits.map { ($0.id, $0.fields.name.plain) }) { $1 } }

  private func name(_ habitID: Identifier) -> String { names[habitID] ?? "a deleted habit" }

  func text(_ id: Identifier, _ notice: Notice) -> String {
    let name = name(notice.habitID)
    let (kept, other) = (notice.winningValue?.text.plain ?? "", notice.losingValue?.text.plain ?? "")
    let place = notice.day.map { "\(name) on \($0)" } ?? name
    let what: String =
      switch notice.kind {
      case .noteConflict: "two notes; kept \"\(kept)\", not kept \"\(other)\""
      case .doneConflict:
        "done on one device, undone on another; \(notice.winningValue == .flag(true) ? "done" : "undone") holds"
      case .fieldConflict:
        "two values of its \(notice.field.map { "\($0)" } ?? "field"); kept \"\(kept)\", not kept \"\(other)\""
      case .deletionConflict: "deleted on one device and used on another; it is archived instead"
      case .streakHealed: "a late day closed a gap: the streak is \(kept) days, not \(other)"
      }
    return
      "\(id.description.prefix(8))  \(place): \(what)\(notice.isResolved && notice.kind != .streakHealed ? " (resolved)" : "")"
  }

  func text(_ operation: Operation, _ reason: Reason) -> String {
    let id = DeviceReplica.Rejected(operation: operation, reason: reason).id
    let name = if let habitID = operation.habitID { name(habitID) } else { "a change" }
    let what =
      switch operation.change.stated {
      case .setCompletion(let wanted): "\(name) \(wanted.done ? "done" : "not done") on \(wanted.day)"
      case .setNote(let wanted): "the note of \(name) on \(wanted.day)"
      case .editHabit: "a change of \(name)"
      case .deleteHabit: "the deletion of \(name)"
      case .setDayStart: "when the day begins"
      case .resolveConflict, .malformed: name
      }
    return "\(id)  not accepted: \(what): \(reason.explanation)"
  }
}

extension DeviceReplica.Rejected {
  /// The id at the start of its line.
  var id: String { "r" + String(operation.time.packed, radix: 16) }
}

extension NoticeText {
  /// The same in JSON.
  func json(_ notices: [(key: Identifier, value: Notice)], _ rejected: [DeviceReplica.Rejected]) -> JSONValue {
    let conflicts = notices.map { id, notice in
      JSONValue.object([
        ("id", .string(id.description)), ("kind", .string("\(notice.kind)")),
        ("habit", .string(notice.habitID.description)),
        ("day", .optional(notice.day)), ("winning_value", .optional(notice.winningValue?.text)),
        ("losing_value", .optional(notice.losingValue?.text)),
        ("resolved", .bool(notice.isResolved)), ("text", .string(text(id, notice))),
      ])
    }
    let changes = rejected.map { rejected in
      JSONValue.object([
        ("id", .string(rejected.id)), ("kind", .string("rejected")), ("habit", .optional(rejected.operation.habitID)),
        ("reason", .string(rejected.reason.name)), ("text", .string(text(rejected.operation, rejected.reason))),
      ])
    }
    return .array(conflicts + changes)
  }
}

import ProtobufCodec
import StreakClient

extension HabitView {
  /// The habit in JSON, with its streak and its days since a day.
  func json(since firstDay: Day?) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .string(id.description)), ("name", .string(fields.name)), ("description", .string(fields.description)),
      ("color", .number(Int(fields.color))), ("archived", .bool(fields.archived)), ("today", .string("\(today)")),
      ("doneToday", .bool(isDoneToday)), ("state", .string(streak.stateName)), ("current", .number(streak.current)),
      ("longest", .number(streak.longest)), ("total", .number(streak.total)), ("lastDay", .optional(streak.lastDay)),
    ]
    if let firstDay {
      let shown = cells.filter { $0.key >= firstDay }.sorted { $0.key < $1.key }
      members.append(("days", .array(shown.map { $0.value.json(of: $0.key) })))
    }
    return .object(members)
  }
}

extension CellContent {
  func json(of day: Day) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("day", .string("\(day)")), ("done", .bool(done)), ("counts", .bool(done && trust == .counted)),
      ("note", .string(note)),
    ]
    switch trust {
    case .counted: break
    case .quarantined(let reason): members.append(("reason", .string("\(reason)")))
    case .quarantinedOtherwise(let number): members.append(("reason", .string("\(number)")))
    }
    return .object(members)
  }
}

extension AccountView {
  var json: JSONValue {
    .object([
      ("email", .string(email)), ("signedIn", .bool(isSignedIn)), ("current", .bool(isCurrent)),
      ("waiting", .number(waiting)),
    ])
  }
}

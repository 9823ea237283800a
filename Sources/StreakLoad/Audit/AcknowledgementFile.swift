internal import ProtobufCodec

/// The writes of a run that the service has acknowledged, as a file: for a later audit, for example
/// after a restart or a restore.
///
/// It holds the people's access tokens, so only its owner may read it. It is useless once the
/// tokens have expired.
enum AcknowledgementFile {
  private static let format = "streak-load acknowledgements 1"

  /// - Parameter people: Each in the form of `text(_:)`.
  static func text(_ people: [String], runName: String) -> String {
    let head = JSONValue.object([("format", .string(format)), ("run", .string(runName)), ("people", .array([]))]).text
    return head.dropLast(2) + people.joined(separator: ",\n") + "]}\n"
  }

  static func text(_ person: LoadPerson) -> String { json(person).text }

  private static func json(_ person: LoadPerson) -> JSONValue {
    .object([
      ("user", .string(person.userID.hexadecimal)), ("device", .string(person.deviceID.hexadecimal)),
      ("authorization", .string(String(decoding: person.authorization, as: UTF8.self))),
      ("changeBase", .number(person.changeBase)), ("acknowledged", .number(person.acknowledgedChanges)),
      ("lastWrite", .number(person.lastWrite)), ("refused", .array(person.refusedWrites.map { .number($0) })),
      ("uncertain", .array(person.uncertainWrites.map { .number($0) })),
      (
        "habits",
        .array(
          person.habits.map { habit in
            .object([
              ("id", .string(habit.id.hexadecimal)), ("counted", .number(habit.countedBefore)),
              ("held", .number(habit.heldBefore)), ("lastDay", .number(habit.lastDayBefore)),
              (
                "written",
                .array(
                  habit.written.map { cell in
                    .object([
                      ("day", .number(cell.day)), ("acknowledged", .number(cell.acknowledged)),
                      ("uncertain", .array(cell.uncertain.map { .number($0) })),
                    ])
                  })
              ),
            ])
          })
      ),
    ])
  }

  /// - Returns: nil if the text is not such a file.
  static func read(_ text: String) -> (runName: String, people: [LoadPerson])? {
    guard let json = try? JSONValue(parsing: text), json["format"].string == format,
      let runName = json["run"].string
    else { return nil }
    var people: [LoadPerson] = []
    for item in json["people"].items {
      guard let person = person(item) else { return nil }
      people.append(person)
    }
    return (runName, people)
  }

  private static func person(_ json: JSONValue) -> LoadPerson? {
    guard let user = json["user"].string.flatMap({ [UInt8](hexadecimal: $0) }),
      let device = json["device"].string.flatMap({ [UInt8](hexadecimal: $0) }),
      let authorization = json["authorization"].string, authorization.hasPrefix("Bearer "),
      let base = json["changeBase"].integer, let acknowledged = json["acknowledged"].integer,
      let lastWrite = number(json["lastWrite"])
    else { return nil }
    var habits: [LoadHabit] = []
    for item in json["habits"].items {
      guard let id = item["id"].string.flatMap({ [UInt8](hexadecimal: $0) }), let counted = item["counted"].integer,
        let held = item["held"].integer, let lastDay = item["lastDay"].integer
      else { return nil }
      var habit = LoadHabit(
        id: id, counted: Int32(clamping: counted), held: Int32(clamping: held), lastDay: Int32(clamping: lastDay))
      for cell in item["written"].items {
        guard let day = cell["day"].integer, let last = number(cell["acknowledged"]) else { return nil }
        habit.written.append(
          WrittenCell(
            day: Int32(clamping: day), acknowledged: last, uncertain: cell["uncertain"].items.compactMap(number)))
      }
      habits.append(habit)
    }
    let person = LoadPerson(
      userID: user, deviceID: device, accessToken: String(authorization.dropFirst("Bearer ".count)), habits: habits,
      changeNumber: base)
    person.acknowledgedChanges = acknowledged
    person.lastWrite = lastWrite
    person.refusedWrites = json["refused"].items.compactMap(number)
    person.uncertainWrites = json["uncertain"].items.compactMap(number)
    person.uncertainChanges = Int64(person.uncertainWrites.count)
    return person
  }

  private static func number(_ json: JSONValue) -> UInt32? { json.integer.flatMap { UInt32(exactly: $0) } }
}

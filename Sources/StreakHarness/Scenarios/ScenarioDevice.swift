internal import ProtobufCodec

/// A device of a person in a scenario: its token, its clock, its queue.
final class ScenarioDevice {
  let person: Person
  var token: String?
  /// By how much its clock is ahead of the machine's.
  var clockMilliseconds: Int64 = 0
  /// Seconds east: a zone where it is about noon, unless the scenario sets another, so that no
  /// scenario sees midnight by chance.
  var offsetSeconds: Int64
  var zone = "Test/Noon"
  var dayStartMinutes: Int64 = 0

  // What `SyncService` needs.
  var lastSeq: Int64 = 0
  var cursor: DynamicMessage?
  var queue: [DynamicMessage] = []
  private var lastHybrid: Int64 = 0

  init(_ person: Person) {
    self.person = person
    offsetSeconds = (12 - WallClock.milliseconds() / 3_600_000 % 24) * 3_600
  }

  /// By its own clock.
  var nowMilliseconds: Int64 { WallClock.milliseconds() + clockMilliseconds }

  /// The day number by its clock and zone.
  var today: Int64 { (nowMilliseconds / 1000 + offsetSeconds - dayStartMinutes * 60) / 86_400 }

  /// As a device keeps it: it grows also when the clock is set back.
  func nextHybridTime() -> Int64 {
    lastHybrid = max(nowMilliseconds << 16, lastHybrid + 1)
    return lastHybrid
  }

  /// `streak.v1.LocalTime` of a moment of a day: now, or at `minute` after midnight.
  func localTime(day: Int64, minute: Int64?) -> JSONValue {
    let local = nowMilliseconds / 1000 + offsetSeconds
    let secondOfDay = minute.map { $0 * 60 } ?? local % 86_400
    // Before the day's start it is still the day before: the same moment then lies a calendar day
    // later.
    let calendarDay = secondOfDay < dayStartMinutes * 60 ? day + 1 : day
    return .object([
      ("occurredAt", .object([("seconds", .number("\(calendarDay * 86_400 + secondOfDay - offsetSeconds)"))])),
      ("zone", .string(zone)), ("utcOffsetSeconds", .number("\(offsetSeconds)")),
      ("dayStartMinutes", .number("\(dayStartMinutes)")),
    ])
  }
}

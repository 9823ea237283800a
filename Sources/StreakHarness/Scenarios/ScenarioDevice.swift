internal import EventLoop
internal import ProtobufCodec

/// A person's device in a scenario: its token, its clock, its queue.
final class ScenarioDevice {
  let person: Person
  var token: String?
  /// How far its clock is ahead of the machine's.
  var clockMilliseconds: Int64 = 0
  /// Seconds east. The default is a zone where it is about noon, so that no scenario passes
  /// midnight by chance.
  var offsetSeconds: Int64
  var zone = "Test/Noon"
  var dayStartMinutes: Int64 = 0

  // The last number of its queue, for `SyncService`.
  var lastSeq: Int64 = 0
  var cursor: DynamicMessage?
  var queue: [DynamicMessage] = []
  private var lastHybrid: Int64 = 0

  init(_ person: Person) {
    self.person = person
    offsetSeconds = (12 - WallClock.nowMilliseconds / 3_600_000 % 24) * 3_600
  }

  /// The device's time.
  var nowMilliseconds: Int64 { WallClock.nowMilliseconds + clockMilliseconds }

  /// The day number in the device's time and zone.
  var today: Int64 { (nowMilliseconds / 1000 + offsetSeconds - dayStartMinutes * 60) / 86_400 }

  /// The hybrid time of the next operation: it grows even if the clock is set back.
  func nextHybridTime() -> Int64 {
    lastHybrid = max(nowMilliseconds << 16, lastHybrid + 1)
    return lastHybrid
  }

  /// `streak.v1.LocalTime` of a moment of a day: now, or at `minute` after midnight.
  func localTime(day: Int64, minute: Int64?) -> JSONValue {
    let local = nowMilliseconds / 1000 + offsetSeconds
    let secondOfDay = minute.map { $0 * 60 } ?? local % 86_400
    // Before the day's start, the previous day still lasts: the moment then has the next calendar
    // date.
    let calendarDay = secondOfDay < dayStartMinutes * 60 ? day + 1 : day
    return .object([
      ("occurredAt", .object([("seconds", .number("\(calendarDay * 86_400 + secondOfDay - offsetSeconds)"))])),
      ("zone", .string(zone)), ("utcOffsetSeconds", .number("\(offsetSeconds)")),
      ("dayStartMinutes", .number("\(dayStartMinutes)")),
    ])
  }
}

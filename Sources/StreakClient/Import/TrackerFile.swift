internal import StreakDomain

/// What a reader found in a file, as the file says it: nothing is judged yet. Rules make an
/// `ImportedHistory` of it.
struct TrackerFile {
  var source: ImportedHistory.Source
  var habits: [TrackerHabit] = []
  var records: [TrackerRecord] = []
  var repetition = Repetition.statements
  /// What the reader could not make records of.
  var remarks: [ImportRemark] = []

  /// What several records of one day mean.
  enum Repetition {
    /// The same again: the thing was said twice.
    case statements
    /// The thing was done several times that day.
    case ticks
  }

  init(source: ImportedHistory.Source) { self.source = source }
}

struct TrackerHabit {
  var name: String
  var description = ""
  /// 0xRRGGBB.
  var color: UInt32 = 0
  var archived = false
  var goal = TrackerGoal.unstated
  /// Of the amounts.
  var unit = ""
  /// How often it is to be done, if not daily: such as "3 times in 7 days".
  var rhythm = ""
  var hasReminder = false
  /// Where it stands in the file.
  var place = ""
}

/// When an amount makes a day done. A record without an amount that says "done" meets any goal.
enum TrackerGoal: Equatable {
  /// The file does not say; where amounts are other than 0 and 1, each above 0 does.
  case unstated
  /// This file does not say, and another of the same program does; the sentence says which. No
  /// amount makes a day done.
  case statedElsewhere(String)
  case atLeast(Double)
  case atMost(Double)
  /// The records tell when a person failed to keep away from something.
  case slips
}

/// What a file says about one habit on one day; there may be several.
struct TrackerRecord {
  /// The place in `TrackerFile.habits`.
  var habit: Int
  var day: TrackerDay
  var value: TrackerValue
  /// The time of day, such as "08:30"; empty if there is none.
  var time = ""
  var note = ""
  /// Of this day, where goals change.
  var goal: TrackerGoal?
  /// Where it stands in the file, such as "line 7".
  var place: String
}

enum TrackerDay {
  case day(Day)
  /// A date as it is written.
  case text(String)
  /// Milliseconds since 1970, and the offset that held; nil: the one that holds on this device
  /// then.
  case moment(Int64, utcOffsetSeconds: Int32?)
}

enum TrackerValue: Equatable {
  case done
  case notDone
  /// The program filled the day in by itself.
  case filledIn
  case skipped
  /// Nothing is said.
  case unknown
  case amount(Double)
  /// A word or a number as it is written.
  case word(String)
}

internal import StreakDomain

/// A reader's result, in the file's own terms and without judgement. `HistoryRules` makes an
/// `ImportedHistory` of it.
struct TrackerFile {
  var source: ImportedHistory.Source
  var habits: [TrackerHabit] = []
  var records: [TrackerRecord] = []
  var repetition = Repetition.statements
  /// Parts of the file that did not become records.
  var remarks: [ImportRemark] = []

  /// The meaning of several records for one day.
  enum Repetition {
    /// Repeated statements of the same fact.
    case statements
    /// Repeated actions on that day.
    case ticks
  }

  /// Whether a record that is not done contradicts a done one of the same day. In the files of
  /// programs that record actions, it does not.
  var hasContradictions: Bool { repetition == .statements || source == .list }

  init(source: ImportedHistory.Source) { self.source = source }
}

struct TrackerHabit {
  var name: String
  var description = ""
  /// 0xRRGGBB.
  var color: UInt32 = 0
  var archived = false
  var goal = TrackerGoal.unstated
  /// The unit of the amounts.
  var unit = ""
  /// The frequency, if not daily, such as "3 times in 7 days".
  var rhythm = ""
  var hasReminder = false
  /// The place in the file.
  var place = ""
}

/// When an amount makes a day done. A record without an amount that is marked as done meets any
/// goal.
enum TrackerGoal: Equatable {
  /// The file names no goal. If it has amounts other than 0 and 1, each amount above 0 meets it.
  case unstated
  /// Another file of the same program names the goal; the sentence says which. No amount makes a
  /// day done.
  case statedElsewhere(String)
  case atLeast(Double)
  case atMost(Double)
  /// The records are failures to abstain from something.
  case slips
}

/// One record of a habit on a day; a day may have several.
struct TrackerRecord {
  /// The index in `TrackerFile.habits`.
  var habit: Int
  var day: TrackerDay
  var value: TrackerValue
  /// The time of day, such as "08:30"; empty if there is none.
  var time = ""
  var note = ""
  /// The goal on this day, for habits whose goals change.
  var goal: TrackerGoal?
  /// The place in the file, such as "line 7".
  var place: String
}

enum TrackerDay {
  case day(Day)
  /// The text of a date.
  case text(String)
  /// Milliseconds since 1970, and the UTC offset; nil: this device's offset at that time.
  case moment(Int64, utcOffsetSeconds: Int32?)
}

enum TrackerValue: Equatable {
  case done
  case notDone
  /// Filled in by the program, not by the person.
  case filledIn
  case skipped
  /// No value.
  case unknown
  case amount(Double)
  /// The text of a word or a number.
  case word(String)
}

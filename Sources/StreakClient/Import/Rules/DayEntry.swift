internal import StreakDomain

/// All records of one habit on one day, merged.
struct DayEntry {
  private(set) var isDone = false
  private(set) var isSkipped = false
  private(set) var isFilledIn = false
  /// A record says that the day is not done.
  private(set) var isDenied = false
  /// The sum of the amounts; nil if there is none.
  private(set) var amount: Double?
  private(set) var goal: TrackerGoal
  private var notes: [String] = []
  private var times: [String] = []
  /// Records that mark the day as done, or have an amount.
  private var tickCount = 0
  /// The records' places in the file.
  private(set) var places: [String] = []

  init(goal: TrackerGoal) { self.goal = goal }

  /// Adds a record.
  /// - Parameter value: Not a word: words have been converted.
  mutating func add(_ record: TrackerRecord, _ value: TrackerValue, _ repetition: TrackerFile.Repetition) {
    if let own = record.goal { goal = own }
    switch value {
    case .done:
      isDone = true
      tickCount += 1
    case .amount(let more):
      amount = (amount ?? 0) + more
      if more > 0 { tickCount += 1 }
      if more <= 0, !isLimited { isDenied = true }
    case .skipped: isSkipped = true
    case .filledIn: isFilledIn = true
    case .notDone: isDenied = true
    case .unknown, .word: break
    }
    if !record.time.isEmpty, value != .notDone, value != .unknown {
      if !times.contains(record.time) || repetition == .ticks { times.append(record.time) }
    }
    let note = record.note.trimmed
    if !note.isEmpty, !notes.contains(note) { notes.append(note) }
    places.append(record.place)
  }

  private var isLimited: Bool { if case .atMost = goal { true } else { false } }

  /// The notes of all records.
  var note: String { notes.joined(separator: "\n") }
  var place: String { places.filter { !$0.isEmpty }.joined(separator: ", ") }

  /// Whether the goal is met, with a tolerance of a hundred-millionth for the error of adding
  /// decimals.
  var meetsGoal: Bool {
    guard !isDone else { return goal != .slips }
    guard let amount else { return false }
    let slack = 1e-8 * max(1, amount.magnitude)
    return switch goal {
    case .unstated: amount > 0
    case .atLeast(let least): amount > 0 && amount + slack >= least
    case .atMost(let most): amount >= 0 && amount - slack <= most
    case .statedElsewhere, .slips: false
    }
  }

  /// The note to store: the notes, followed by what the tracker counted.
  /// - Parameter unit: The amounts' unit; nil if amounts only mean that the day is done.
  func keptNote(unit: String?, repetition: TrackerFile.Repetition) -> String {
    var facts: [String] = []
    if let unit, let amount { facts.append(Self.amountText(amount, unit)) }
    if tickCount > 1, amount != nil, unit != nil {
      facts.append("in \(tickCount) entries")
    } else if tickCount > 1, repetition == .ticks {
      facts.append("\(tickCount) times")
    }
    let fact = facts.joined(separator: " ")
    let clock = times.sorted().joined(separator: ", ")
    let all = [fact, clock].filter { !$0.isEmpty }.joined(separator: ": ")
    if all.isEmpty { return note }
    return note.isEmpty ? all : "\(note) (\(all))"
  }

  static func amountText(_ amount: Double, _ unit: String) -> String {
    unit.isEmpty ? amount.shortText : "\(amount.shortText) \(unit)"
  }
}

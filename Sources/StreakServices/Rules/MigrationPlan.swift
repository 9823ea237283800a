/// What becomes of the days of a captured session in an account that has none of its habits.
///
/// Generic over the habit's id, so that it need not know how ids are made.
struct MigrationPlan<HabitID: Hashable & Sendable>: Sendable {
  /// Days in the window that may count, the captured day included.
  static var windowDays: Int32 { 30 }
  /// Days that may count beyond those since the anchor.
  static var spareDays: Int64 { 2 }

  /// One entry of a capture, as far as the rules look at it.
  struct Entry: Sendable {
    var habitID: HabitID
    var day: Int32
    var done: Bool
    var note: String
    /// Seconds since 1970-01-01T00:00:00Z.
    var occurredAtSeconds: Int64
    var utcOffsetSeconds: Int32
    var dayStartMinutes: Int32

    init(
      habitID: HabitID, day: Int32, done: Bool, note: String, occurredAtSeconds: Int64, utcOffsetSeconds: Int32,
      dayStartMinutes: Int32
    ) {
      self.habitID = habitID
      self.day = day
      self.done = done
      self.note = note
      self.occurredAtSeconds = occurredAtSeconds
      self.utcOffsetSeconds = utcOffsetSeconds
      self.dayStartMinutes = dayStartMinutes
    }
  }

  /// Why a single entry goes to the inbox.
  enum Rejection: Sendable, Equatable {
    case futureDay
    case dayMismatch
    case unknownHabit
  }

  /// What becomes of one habit and day.
  struct Cell: Sendable, Equatable {
    /// The entry, by its place in the capture, whose state the cell takes.
    var entryIndex: Int
    /// The notes of every entry of that day, each once, on lines of their own.
    var note: String
    /// Why it does not count; nil if it does, or is undone.
    var quarantine: Quarantine?
  }

  private struct Place: Hashable {
    var habitID: HabitID
    var day: Int32
  }

  /// One cell per habit and day, in the order in which the days first stand in the capture.
  private(set) var cells: [Cell] = []
  /// Entries for the inbox, by place.
  private(set) var rejected: [(entryIndex: Int, reason: Rejection)] = []

  /// - Parameters:
  ///   - capturedDay: The captured day, which ends the window.
  ///   - anchorSeconds: When the server saw the session begin; nil if it did not.
  init(entries: [Entry], habits: Set<HabitID>, capturedDay: Int32, anchorSeconds: Int64?, nowSeconds: Int64) {
    let latestDay = DayRules.latestDayAnywhere(atSeconds: nowSeconds)
    var cellIndices: [Place: Int] = [:]
    for (index, entry) in entries.enumerated() {
      if let reason = Self.rejection(of: entry, habits: habits, latestDay: latestDay) {
        rejected.append((index, reason))
        continue
      }
      let place = Place(habitID: entry.habitID, day: entry.day)
      guard let cellIndex = cellIndices[place] else {
        cellIndices[place] = cells.count
        cells.append(Cell(entryIndex: index, note: entry.note, quarantine: nil))
        continue
      }
      cells[cellIndex].merge(entry, at: index, with: entries[cells[cellIndex].entryIndex])
    }
    quarantine(entries, capturedDay: capturedDay, anchorSeconds: anchorSeconds, nowSeconds: nowSeconds)
  }

  private static func rejection(of entry: Entry, habits: Set<HabitID>, latestDay: Int32) -> Rejection? {
    if !habits.contains(entry.habitID) { return .unknownHabit }
    if entry.day > latestDay { return .futureDay }
    let derived = DayRules.day(
      atSeconds: entry.occurredAtSeconds, utcOffsetSeconds: entry.utcOffsetSeconds,
      dayStartMinutes: entry.dayStartMinutes)
    return derived == entry.day ? nil : .dayMismatch
  }

  /// Counted are the days of the window, of an anchored session at most the latest that the time since its anchor allows.
  private mutating func quarantine(_ entries: [Entry], capturedDay: Int32, anchorSeconds: Int64?, nowSeconds: Int64) {
    let window = (capturedDay - Self.windowDays + 1)...capturedDay
    var days: Set<Int32> = []
    for cell in cells {
      let entry = entries[cell.entryIndex]
      if entry.done && window.contains(entry.day) { days.insert(entry.day) }
    }
    var firstCounted = window.lowerBound
    if let anchorSeconds {
      let allowed = max(0, DayRules.floorDivide(nowSeconds - anchorSeconds, 86_400)) + Self.spareDays
      if Int64(days.count) > allowed { firstCounted = days.sorted()[days.count - Int(allowed)] }
    }
    for index in cells.indices {
      let entry = entries[cells[index].entryIndex]
      guard entry.done else { continue }
      if !window.contains(entry.day) {
        cells[index].quarantine = .overLimit
      } else if entry.day < firstCounted {
        cells[index].quarantine = .anchor
      }
    }
  }
}

extension MigrationPlan.Cell {
  /// Joins another entry of the same day: done wins over undone, otherwise the later one; both notes stay.
  fileprivate mutating func merge(
    _ entry: MigrationPlan.Entry, at index: Int, with present: MigrationPlan.Entry
  ) {
    let isStronger = entry.done != present.done ? entry.done : entry.occurredAtSeconds > present.occurredAtSeconds
    if isStronger { entryIndex = index }
    let isKnown = note.split(separator: "\n").contains { $0 == entry.note } || entry.note.isEmpty || entry.note == note
    if !isKnown { note = note.isEmpty ? entry.note : note + "\n" + entry.note }
  }
}

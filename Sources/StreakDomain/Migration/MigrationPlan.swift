/// The result of a captured session in an empty account.
///
/// The 30-day rule is about calendar days: the window is the 30 dates that end on the captured day,
/// and every habit's days inside it count. An anchor shortens the window to its latest (whole days
/// since the anchor + 2) dates, with or without entries: a session begun three days ago cannot know
/// of a day a week ago, however few days it claims.
public struct MigrationPlan: Sendable {
  /// Days of the window that a session may count; it ends on the captured day.
  public static let windowDays = 30
  /// Days granted on top of those that passed since the server saw the session begin.
  public static let anchorSpareDays = 2

  public struct Note: Sendable, Equatable {
    public let text: String
    public let madeAt: Instant
    /// The index of its entry in the capture.
    public let index: Int
  }

  public struct Cell: Sendable {
    public let day: Day
    public let state: CellContent
    public let clientTime: ClientTime
    /// Different notes of the day, the latest first: `state` has the first one.
    public let notes: [Note]
  }

  public struct Habit: Sendable {
    public let captured: CapturedSession.Habit
    /// By ascending day.
    public let cells: [Cell]
    public let summary: StreakSummary
    /// The claim differs from the counted days' streak on the captured day.
    public let claimMismatch: Bool
  }

  public struct Rejection: Equatable, Sendable {
    /// The index in the capture's entries.
    public let index: Int
    public let reason: Reason

    public init(index: Int, reason: Reason) {
      self.index = index
      self.reason = reason
    }
  }

  /// In the order of the capture.
  public let habits: [Habit]
  /// Entries for the inbox, in the order of the capture.
  public let rejected: [Rejection]
  /// The day that ends the window.
  public let capturedDay: Day

  /// The device's moment and zone at the capture.
  public let capturedAt: ClientTime
  /// The server saw the session begin.
  public let isAnchored: Bool

  /// A habit's claim differs from its recomputed streak.
  public var claimMismatch: Bool { habits.contains(where: \.claimMismatch) }

  /// Plans a capture whose fields are valid and whose manifest matches. Any other capture is safe
  /// as well: its invalid entries are rejected.
  ///
  /// - Parameters:
  ///   - anchor: When the server saw the session begin; nil for a session unknown to it.
  ///   - now: The server's clock.
  public init(_ session: CapturedSession, anchor: Instant?, now: Instant) {
    let capturedDay = Self.capturedDay(session.capturedAt, now: now)
    self.capturedDay = capturedDay
    capturedAt = session.capturedAt
    isAnchored = anchor != nil
    let window = capturedDay.advanced(by: 1 - Self.windowDays)...capturedDay
    let anchored = anchor.map { anchor in
      let days = max(0, now.milliseconds(since: anchor)) / ClientTime.millisecondsPerDay
      return capturedDay.advanced(by: 1 - Self.anchorSpareDays - Int(clamping: days))
    }
    func trust(_ day: Day) -> CellTrust {
      guard window.contains(day) else { return .quarantined(.overLimit) }
      if let anchored, day < anchored { return .quarantined(.anchor) }
      return .counted
    }

    var statements: [Identifier: [Day: [Statement]]] = [:]
    for habit in session.habits { statements[habit.id] = [:] }
    var rejected: [Rejection] = []
    for (index, entry) in session.entries.enumerated() {
      if let reason = Self.rejection(of: entry, isHabitKnown: statements[entry.habitID] != nil, now: now) {
        rejected.append(Rejection(index: index, reason: reason))
      } else {
        statements[entry.habitID]?[entry.day, default: []].append(Statement(index: index, entry: entry))
      }
    }

    habits = session.habits.map { habit in
      // Removed, so that an id that occurs twice does not give its days twice.
      let days = (statements.removeValue(forKey: habit.id) ?? [:]).sorted { $0.key < $1.key }
      let planned = days.compactMap { day, statements in
        let cell = Statement.merged(statements)
        rejected += cell.tooMany.map { Rejection(index: $0, reason: .invalidField) }
        return cell.latest.map { latest in
          Cell(
            day: day, state: CellContent(done: latest.done, note: cell.notes.first?.text ?? "", trust: trust(day)),
            clientTime: latest.clientTime, notes: cell.notes)
        }
      }
      let summary = StreakSummary(countedDays: planned.filter(\.state.counts).map(\.day))
      let streak = summary.streak(today: capturedDay)
      let mismatch =
        habit.claim.map { Int($0.currentStreak) != streak.current || $0.lastCompletedDay != streak.lastDay } ?? false
      return Habit(captured: habit, cells: planned, summary: summary, claimMismatch: mismatch)
    }
    self.rejected = rejected.sorted { $0.index < $1.index }
  }

  /// Why an entry goes to the inbox; nil if it becomes part of a cell.
  private static func rejection(
    of entry: CapturedSession.Entry, isHabitKnown: Bool, now: Instant
  ) -> Reason? {
    if !isHabitKnown { return .habitNotFound }
    if entry.note.utf8.count > DayRules.noteBytesMax { return .invalidField }
    return DayRules.rejection(day: entry.day, clientTime: entry.clientTime, now: now)
  }

  /// The device's date at the capture, limited to the range from two days before today to today, in
  /// its zone.
  private static func capturedDay(_ capturedAt: ClientTime, now: Instant) -> Day {
    let today = DayRules.judgedDay(capturedAt, at: now)
    return min(
      max(DayRules.judgedDay(capturedAt, at: capturedAt.occurredAt), today.advanced(by: -2)), today)
  }
}

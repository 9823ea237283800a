/// What a captured session becomes in an account that has nothing yet.
public struct MigrationPlan: Sendable {
  /// Days of the window that a session may count; it ends on the captured day.
  public static let windowDays = 30
  /// Days granted on top of those that passed since the server saw the session begin.
  public static let anchorSpareDays = 2
  /// How far `captured_at` may be from the server's clock to be believed, in milliseconds.
  public static let captureClockMilliseconds: Int64 = 48 * 3_600_000

  public struct Cell: Sendable {
    public let day: Day
    public let state: LedgerCell
    public let made: LocalTime
  }

  public struct Habit: Sendable {
    public let captured: CapturedSession.Habit
    /// By ascending day.
    public let cells: [Cell]
    public let summary: StreakSummary
    /// The claim differs from what the counted days say on the captured day.
    public let claimMismatch: Bool
  }

  public struct Rejection: Equatable, Sendable {
    /// Place in the capture's entries.
    public let index: Int
    public let reason: EntryRejection
  }

  /// In the order of the capture.
  public let habits: [Habit]
  /// In the order of the capture.
  public let rejected: [Rejection]
  /// The day that ends the window.
  public let capturedDay: Day

  /// Some habit's claim differs from its recomputed streak.
  public var claimMismatch: Bool { habits.contains(where: \.claimMismatch) }

  /// Plans a capture whose manifest holds.
  /// - Parameters:
  ///   - anchorMilliseconds: When the server saw the session begin; nil for a session it did not see.
  ///   - now: The server's clock, in milliseconds since 1970.
  public init(_ session: CapturedSession, anchorMilliseconds: Int64?, now: Int64) {
    let capturedDay = Self.capturedDay(session.capturedAt, now: now)
    self.capturedDay = capturedDay
    let window = capturedDay.advanced(by: 1 - Self.windowDays)...capturedDay
    let anchored = anchorMilliseconds.map { anchor in
      let days = max(0, now - anchor) / LocalTime.millisecondsPerDay
      return capturedDay.advanced(by: 1 - Self.anchorSpareDays - Int(clamping: days))
    }
    func trust(_ day: Day) -> CellTrust {
      guard window.contains(day) else { return .quarantined(.overLimit) }
      if let anchored, day < anchored { return .quarantined(.anchor) }
      return .counted
    }

    var cells: [[UInt8]: [Day: CapturedSession.Entry]] = [:]
    for habit in session.habits { cells[habit.id] = [:] }
    var rejected: [Rejection] = []
    for (index, entry) in session.entries.enumerated() {
      guard cells[entry.habitID] != nil else {
        rejected.append(Rejection(index: index, reason: .habitNotFound))
        continue
      }
      if let reason = DayRules.rejection(day: entry.day, made: entry.made, now: now) {
        rejected.append(Rejection(index: index, reason: reason))
        continue
      }
      let earlier = cells[entry.habitID]?[entry.day]
      cells[entry.habitID]?[entry.day] = earlier.map { Self.merged($0, entry) } ?? entry
    }
    self.rejected = rejected

    habits = session.habits.map { habit in
      let days = (cells[habit.id] ?? [:]).sorted { $0.key < $1.key }
      let planned = days.map { day, entry in
        Cell(day: day, state: LedgerCell(done: entry.done, note: entry.note, trust: trust(day)), made: entry.made)
      }
      let summary = StreakSummary(
        countedDays: planned.filter { $0.state.done && $0.state.trust == .counted }.map(\.day))
      let streak = summary.streak(today: capturedDay)
      let mismatch =
        habit.claim.map { Int($0.currentStreak) != streak.current || $0.lastCompletedDay != streak.lastDay } ?? false
      return Habit(captured: habit, cells: planned, summary: summary, claimMismatch: mismatch)
    }
  }

  /// The device's date at the capture if its clock can be believed, else today's in its zone.
  private static func capturedDay(_ capturedAt: LocalTime, now: Int64) -> Day {
    let (difference, overflow) = now.subtractingReportingOverflow(capturedAt.occurredAtMilliseconds)
    let isBelieved = !overflow && difference.magnitude <= captureClockMilliseconds.magnitude
    return isBelieved ? capturedAt.day : capturedAt.day(atMilliseconds: now)
  }

  /// Two statements of one device about one day: the later one holds, done wins a tie, and no note is lost to silence.
  private static func merged(_ earlier: CapturedSession.Entry, _ later: CapturedSession.Entry) -> CapturedSession.Entry
  {
    let first = earlier.made.occurredAtMilliseconds
    let second = later.made.occurredAtMilliseconds
    let laterWins = second > first || (second == first && (later.done || !earlier.done))
    var winner = laterWins ? later : earlier
    if winner.note.isEmpty { winner.note = laterWins ? earlier.note : later.note }
    return winner
  }
}

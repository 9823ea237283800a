/// The state of a streak today.
public enum StreakState: Sendable {
  /// No day counts yet.
  case none
  /// Today counts.
  case doneToday
  /// Yesterday counts, today not yet.
  case atRisk
  /// The last counted day is before yesterday.
  case broken
  /// Yesterday counts, and the habit is archived: its streak is not at risk.
  case archived
}

/// A habit's streak on a given day.
public struct Streak: Equatable, Sendable {
  public let state: StreakState
  /// Days of the run that ends today or yesterday; otherwise 0.
  public let current: Int
  /// Days of the longest run.
  public let longest: Int
  /// Counted days.
  public let total: Int
  /// The last counted day; nil if none counts.
  public let lastDay: Day?
}

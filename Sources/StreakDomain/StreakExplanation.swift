/// The days that make a habit's current streak, and the other days with the reasons.
public struct StreakExplanation: Equatable, Sendable {
  /// Why a recorded day is not part of the streak.
  public enum Omission: Hashable, Sendable {
    /// It was undone.
    case undone
    /// It is kept, but does not count. Never `.counted`.
    case doesNotCount(CellTrust)
    /// It counts, but a day between it and the current run does not.
    case otherRun
  }

  public struct LeftOut: Equatable, Sendable {
    public let day: Day
    public let why: Omission
  }

  public let streak: Streak
  /// The days that make `streak.current`; nil if it is 0.
  public let run: Run?
  /// Every other recorded day, earliest first.
  public let leftOut: [LeftOut]

  /// Explains a habit's cells, in any order and each day once, on a given day.
  ///
  /// - Parameter summary: Of all the habit's counted days, also those that are not among the cells.
  public init(
    _ cells: some Sequence<(day: Day, cell: CellContent)>, summary: StreakSummary, today: Day, isArchived: Bool = false
  ) {
    let run = summary.currentRun(today: today).run
    streak = summary.streak(today: today, isArchived: isArchived)
    self.run = run
    leftOut = cells.sorted { $0.day < $1.day }.compactMap { day, cell in
      if !cell.done { return LeftOut(day: day, why: .undone) }
      if cell.trust != .counted { return LeftOut(day: day, why: .doesNotCount(cell.trust)) }
      return run?.contains(day) == true ? nil : LeftOut(day: day, why: .otherRun)
    }
  }
}

extension CellContent {
  /// Done, and counted.
  public var counts: Bool { done && trust == .counted }
}

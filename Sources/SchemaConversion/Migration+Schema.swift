internal import GRPCSchema
public import Schema
public import StreakDomain

extension HabitMatching {
  /// The pairs of a map as sent.
  public static func pairs(
    _ map: [HabitMapping], path: String
  ) throws(InvalidField) -> [(capturedID: Identifier, habitID: Identifier)] {
    var pairs: [(capturedID: Identifier, habitID: Identifier)] = []
    for (index, pair) in map.enumerated() {
      pairs.append(
        (
          try Identifier(field: pair.capturedHabitId, path: "\(path)[\(index)].captured_habit_id"),
          try Identifier(field: pair.habitId, path: "\(path)[\(index)].habit_id")
        ))
    }
    return pairs
  }
}

extension HabitMatch {
  public init(_ way: HabitMatching.Way) { self.init(rawValue: way.rawValue) }
}

extension RuleFinding {
  public init(_ finding: MigrationPlan.Finding) {
    self.init(rule: Schema.MigrationRule(rawValue: finding.rule.rawValue), count: Int32(clamping: finding.count))
  }
}

extension PreviewedHabit {
  /// - Parameter ledger: The account's, after the migration.
  public init(_ habit: MergedHabit, in ledger: PersonLedger, at now: Instant) {
    let id = habit.match.habitID
    let state = ledger.habits[id]
    self.init(
      capturedHabitId: habit.match.capturedID.bytes, habitId: id.bytes, match: HabitMatch(habit.match.way),
      name: state?.fields.name ?? "", before: Schema.Streak(habitID: id, habit.before, in: ledger, at: now),
      after: Schema.Streak(habitID: id, state?.summary ?? habit.before, in: ledger, at: now),
      daysNew: Int32(clamping: habit.daysNew.count), daysSame: Int32(clamping: habit.daysSame.count),
      daysConflicting: habit.daysConflicting.map(\.number))
  }
}

extension MigratedHabit {
  /// - Parameter ledger: The account's, after the migration.
  public init(_ planned: MigrationPlan.Habit, _ habit: MergedHabit, in ledger: PersonLedger, at now: Instant) {
    let id = habit.match.habitID
    let done = planned.cells.filter(\.state.done)
    let counted = done.count { ledger.cells[CellKey(habitID: id, day: $0.day)]?.cell.counts == true }
    self.init(
      capturedHabitId: habit.match.capturedID.bytes, habitId: id.bytes,
      streak: Schema.Streak(habitID: id, ledger.habits[id]?.summary ?? habit.before, in: ledger, at: now),
      claimMismatch: planned.claimMismatch, daysCounted: Int32(clamping: counted),
      daysQuarantined: Int32(clamping: done.count - counted),
      daysUndone: Int32(clamping: planned.cells.count - done.count), match: HabitMatch(habit.match.way),
      daysSame: Int32(clamping: habit.daysSame.count), daysConflicting: habit.daysConflicting.map(\.number))
  }
}

extension QuarantinedDays {
  /// The days of a migrated session that do not count in the account either, by habit and reason.
  public static func list(
    _ plan: MigrationPlan, _ merged: MergedSession, in ledger: PersonLedger
  ) -> [QuarantinedDays] {
    var found: [QuarantinedDays] = []
    for (planned, habit) in zip(plan.habits, merged.habits) {
      let id = habit.match.habitID
      for reason in StreakDomain.QuarantineReason.allCases {
        let trust = StreakDomain.CellTrust.quarantined(reason)
        let days = planned.cells.filter { cell in
          cell.state.done && ledger.cells[CellKey(habitID: id, day: cell.day)]?.cell.trust == trust
        }
        guard !days.isEmpty else { continue }
        found.append(
          QuarantinedDays(
            habitId: id.bytes, reason: Schema.QuarantineReason(trust), days: days.map(\.day.number).sorted()))
      }
    }
    return found
  }
}

extension HabitDay {
  public init(_ key: CellKey) { self.init(habitId: key.habitID.bytes, day: key.day.number) }
}

public import StreakDomain

/// What an import did.
public struct ImportReport: Equatable, Sendable {
  public var habitsMade = 0
  public var daysAdded = 0
  /// Days that were done here already.
  public var daysKnown = 0
  /// Days that break a rule, by habit: they cannot be recorded by anybody.
  public var refused: [String: [Day]] = [:]
  /// Of the days added, those that are too old to count once an account has them. They stay visible, and in every export.
  public var daysThatWillNotCount = 0
}

extension StreakClient {
  /// Records the history of another program: all of it or, if it cannot be kept, nothing. Each day goes the way of a tap, as entered afterwards,
  /// and is held to the same rules. Again, it adds nothing.
  ///
  /// Habits of the same name are the same; of several with one name in the history each is one of its own.
  @discardableResult
  public func importHistory(_ history: ImportedHistory) throws(ClientError) -> ImportReport {
    let now = clock.milliseconds
    let report = try store.change { state throws(ClientError) in
      var report = ImportReport()
      var free = state.shown.habits.sorted { ($0.value.position, $0.key) < ($1.value.position, $1.key) }
      let cells = state.shown.cells
      // A session's days count within its window, days entered into an account afterwards only while they are fresh.
      let countedDays = state.current == nil ? MigrationPlan.windowDays : DayRules.backfillDaysMax + 1
      let today = made(on: nil, now: now, dayStartMinutes: state.dayStartMinutes).day
      for imported in history.habits {
        let name = HabitName.normalised(imported.name)
        let habitID: Identifier
        if let place = free.firstIndex(where: { HabitName.normalised($0.value.name) == name }) {
          habitID = free.remove(at: place).key
        } else {
          habitID = try state.addHabit(
            imported.name, description: imported.description, color: imported.color, archived: imported.archived,
            now: now)
          report.habitsMade += 1
        }
        for (day, note) in imported.days.sorted(by: { $0.key < $1.key }) {
          let before = cells[CellKey(habitID: habitID, day: day)]
          guard before?.done != true else {
            report.daysKnown += 1
            continue
          }
          let made = made(on: day, now: now, dayStartMinutes: state.dayStartMinutes)
          do throws(ClientError) {
            try state.record(
              habitID, day: day, done: true, note: note.isEmpty ? nil : note, made: made, before: before, now: now)
            report.daysAdded += 1
            if day.distance(to: today) >= countedDays { report.daysThatWillNotCount += 1 }
          } catch {
            guard case .refusedHere = error else { throw error }
            report.refused[imported.name, default: []].append(day)
          }
        }
      }
      return report
    }
    wake()
    return report
  }
}

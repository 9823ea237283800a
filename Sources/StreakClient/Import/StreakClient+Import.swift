internal import StreakDomain

extension StreakClient {
  /// Records the history of another program. Each day is recorded like a tap that is entered
  /// afterwards, under the same rules. Refused days are listed and the others are recorded: all of
  /// them or, if they cannot be stored, none. Importing the same history again adds nothing.
  ///
  /// A habit with the name of an existing one is that habit. Several habits with one name in the
  /// history stay separate.
  @discardableResult
  public func importHistory(_ history: ImportedHistory) throws(ClientError) -> ImportReport {
    let report = try store.change { state throws(ClientError) in record(history, in: &state) }
    wake()
    return report
  }

  /// The result that `importHistory` would have now. Changes nothing.
  public func previewImport(_ history: ImportedHistory) throws(ClientError) -> ImportReport {
    try store.read { state throws(ClientError) in
      var trial = state
      return record(history, in: &trial)
    }
  }

  private func record(_ history: ImportedHistory, in state: inout ClientState) -> ImportReport {
    let now = clock.now
    let today = clientTime(on: nil, now: now, dayStartMinutes: state.dayStartMinutes).day
    var report = ImportReport()
    report.isInAccount = state.current != nil
    let window = window(of: state, today: today, now: now)
    let account = state.current.flatMap { state.accounts[$0] }
    var backfill: BackfillAllowance? = account?.backfill(now: now)
    var free = state.shown.habits.sorted { ($0.value.position, $0.key) < ($1.value.position, $1.key) }
    let cells = state.shown.cells
    for imported in history.habits {
      let name = HabitName.normalised(imported.name)
      let habitID: Identifier
      if let place = free.firstIndex(where: { HabitName.normalised($0.value.name) == name }) {
        habitID = free.remove(at: place).key
      } else {
        do throws(ClientError) {
          habitID = try state.addHabit(
            imported.name, description: imported.description, color: imported.color, archived: imported.archived,
            now: now)
          report.habitsMade += 1
        } catch {
          report.refuse(imported, error)
          continue
        }
      }
      for (day, note) in imported.days.sorted(by: { $0.key < $1.key }) {
        let before = cells[CellKey(habitID: habitID, day: day)]
        let isKnown = before?.done == true
        if isKnown {
          report.daysKnown += 1
          guard let kept = before?.note, !note.isEmpty, note != kept else { continue }
          guard kept.isEmpty else {
            report.remarks.append(
              ImportRemark(
                "the day has another note here, which stays", habit: imported.name, day: day,
                detail: ImportLimits.shown(note)))
            continue
          }
        }
        let clientTime = clientTime(on: day, now: now, dayStartMinutes: state.dayStartMinutes)
        do throws(ClientError) {
          try state.record(
            habitID, day: day, done: true, note: note.isEmpty ? nil : note, clientTime: clientTime, before: before,
            now: now)
          // Also the note of a known day is a claim.
          let trust = backfill?.claim(day, clientTime: clientTime, now: now)
          if isKnown { report.notesAdded += 1 } else { report.daysAdded += 1 }
          if !isKnown, trust.map({ $0 == .counted }) ?? window.contains(day) { report.daysThatWillCount += 1 }
        } catch {
          report.refuse(day, of: imported, error)
        }
      }
    }
    return report
  }

  /// The days that count once a session is in an account. For an account, `BackfillAllowance`
  /// decides.
  private func window(of state: ClientState, today: Day, now: Instant) -> ClosedRange<Day> {
    let first =
      state.session?.firstDayThatCounts(today: today, now: now) ?? today.advanced(by: 1 - MigrationPlan.windowDays)
    return first...today
  }
}

extension ImportReport {
  fileprivate mutating func refuse(_ habit: ImportedHistory.Habit, _ error: ClientError) {
    refused[habit.name, default: []] += habit.days.keys.sorted()
    remarks.append(
      ImportRemark(
        "the habit cannot be kept: \(error.sentence)", habit: habit.name,
        detail: habit.days.isEmpty ? "" : "\(habit.days.count) days"))
  }

  fileprivate mutating func refuse(_ day: Day, of habit: ImportedHistory.Habit, _ error: ClientError) {
    refused[habit.name, default: []].append(day)
    let text =
      day < .earliest ? "days before \(Day.earliest) cannot be kept" : "the day cannot be kept: \(error.sentence)"
    remarks.append(
      ImportRemark(text, habit: habit.name, day: day, detail: ImportLimits.shown(habit.days[day] ?? "")))
  }
}

extension ClientError {
  /// The description for use inside a sentence.
  fileprivate var sentence: String {
    if case .refusedHere(.habitLimit) = self { return "there are \(StreakClient.habitsMax) habits already" }
    let text = description.hasSuffix(".") ? String(description.dropLast()) : description
    return text.prefix(1).lowercased() + text.dropFirst()
  }
}

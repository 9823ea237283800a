public import StreakDomain

/// The daily functions. None of them waits for a server.
extension StreakClient {
  /// Most habits of one user: the service's limit.
  public static let habitsMax = 1_000
  /// Most days of a session: the service's limit.
  public static let sessionEntriesMax = 50_000
  /// Most bytes of a note.
  public static let noteBytesMax = DayRules.noteBytesMax

  /// The habits, in the person's order.
  /// - Parameter includingArchived: Includes archived habits.
  public func habits(includingArchived: Bool = false) throws(ClientError) -> [HabitView] {
    let now = clock.now
    let here = clock.localTime(at: now, dayStartMinutes: 0)
    return try store.read { state throws(ClientError) in
      let shown = state.shown
      // The device's own zone counts only as long as nothing was recorded in any: so every device
      // shows the streak that the server states.
      let today =
        shown.zones.uses.isEmpty
        ? ClientTime(
          occurredAt: now, zone: here.zone, utcOffsetSeconds: here.utcOffsetSeconds,
          dayStartMinutes: state.dayStartMinutes
        ).day
        : shown.zones.today(now: now)
      var days: [Identifier: [Day: CellContent]] = [:]
      let cells = state.current.flatMap { state.accounts[$0] }?.shownCells(now: now) ?? shown.cells
      for (key, cell) in cells { days[key.habitID, default: [:]][key.day] = cell }
      return shown.habits.filter { includingArchived || !$0.value.archived }.map { id, fields in
        let cells = days[id] ?? [:]
        let counted = cells.filter { $0.value.done && $0.value.trust == .counted }.keys
        return HabitView(
          id: id, fields: fields,
          streak: StreakSummary(countedDays: counted).streak(today: today, isArchived: fields.archived), today: today,
          cells: cells)
      }.sorted { ($0.fields.position, $0.id) < ($1.fields.position, $1.id) }
    }
  }

  /// The habit with that name, compared as the service compares names; nil if there is none.
  public func habit(named name: String) throws(ClientError) -> HabitView? {
    let wanted = HabitName.normalised(name)
    let found = try habits(includingArchived: true).filter { HabitName.normalised($0.fields.name) == wanted }
    return found.first { !$0.fields.archived } ?? found.first
  }

  /// Makes a habit.
  @discardableResult
  public func addHabit(_ name: String, description: String = "", color: UInt32 = 0) throws(ClientError) -> Identifier {
    let now = clock.now
    let id = try store.change { state throws(ClientError) in
      try state.addHabit(name, description: description, color: color, now: now)
    }
    wake()
    return id
  }

  /// Changes fields of a habit.
  public func editHabit(_ habitID: Identifier, _ body: (inout HabitFields) -> Void) throws(ClientError) {
    let now = clock.now
    try store.change { state throws(ClientError) in
      guard let before = state.shown.habits[habitID] else { throw .refusedHere(.habitNotFound) }
      var fields = before
      body(&fields)
      try state.edit(habitID, fields, from: before, now: now)
    }
    wake()
  }

  /// Sets the order of the habits: the given ones come first, in the given order; the others follow
  /// in their old order.
  public func orderHabits(_ first: [Identifier]) throws(ClientError) {
    let now = clock.now
    try store.change { state throws(ClientError) in
      let habits = state.shown.habits
      guard first.allSatisfy({ habits[$0] != nil }) else { throw .refusedHere(.habitNotFound) }
      let rest = habits.sorted { ($0.value.position, $0.key) < ($1.value.position, $1.key) }.map(\.key)
      var known: Set<Identifier> = []
      let order = (first + rest).filter { known.insert($0).inserted }
      for (position, id) in order.enumerated() {
        guard let before = habits[id], before.position != Int32(position) else { continue }
        var fields = before
        fields.position = Int32(position)
        try state.edit(id, fields, from: before, now: now)
      }
    }
    wake()
  }

  /// Deletes a habit. In an account its days stay in the ledger and in the export; if another
  /// device used it meanwhile, it is archived instead.
  public func deleteHabit(_ habitID: Identifier) throws(ClientError) {
    let now = clock.now
    try store.change { state throws(ClientError) in
      guard state.shown.habits[habitID] != nil else { throw .refusedHere(.habitNotFound) }
      guard let userID = state.current else { return state.dropSessionHabit(habitID, now: now) }
      _ = state.changeAccount(userID) { $0.replica.make(.deleteHabit(habitID), at: now) }
    }
    wake()
  }

  /// Records a day of a habit as done. It is on the disk when this returns.
  ///
  /// - Parameters:
  ///   - day: Nil: today. Earlier days count as entered afterwards: their status depends on their
  ///     freshness (`DayRules`).
  ///   - note: Nil: the note stays. Empty: the day's note is cleared.
  public func complete(_ habitID: Identifier, on day: Day? = nil, note: String? = nil) throws(ClientError) {
    try tap(habitID, on: day, done: true, note: note)
  }

  /// Records a day as not done. Its note stays. In an account, days older than 30 days cannot be
  /// undone.
  public func undo(_ habitID: Identifier, on day: Day? = nil) throws(ClientError) {
    try tap(habitID, on: day, done: false, note: nil)
  }

  /// Sets the note of a day, done or not.
  /// - Parameter note: Empty: the note is cleared.
  public func setNote(_ habitID: Identifier, on day: Day? = nil, to note: String) throws(ClientError) {
    let now = clock.now
    try store.change { state throws(ClientError) in
      let clientTime = clientTime(on: day, now: now, dayStartMinutes: state.dayStartMinutes)
      try state.note(habitID, day: day ?? clientTime.day, note, clientTime: clientTime, now: now)
    }
    wake()
  }

  private func tap(_ habitID: Identifier, on day: Day?, done: Bool, note: String?) throws(ClientError) {
    let now = clock.now
    try store.change { state throws(ClientError) in
      let clientTime = clientTime(on: day, now: now, dayStartMinutes: state.dayStartMinutes)
      try state.tap(habitID, day: day ?? clientTime.day, done: done, note: note, clientTime: clientTime, now: now)
    }
    wake()
  }

  /// The person's current day.
  public func today() throws(ClientError) -> Day {
    let now = clock.now
    return try store.read { state throws(ClientError) in
      clock.localTime(at: now, dayStartMinutes: state.dayStartMinutes).day
    }
  }

  /// The start of the person's day, in minutes after midnight.
  public func dayStartMinutes() throws(ClientError) -> Int32 {
    try store.read { state throws(ClientError) in state.dayStartMinutes }
  }

  /// Sets the start of the person's day, in minutes after midnight: on this device, or in the
  /// account and so on all its devices. Earlier entries are not changed.
  public func setDayStart(minutes: Int32) throws(ClientError) {
    guard ClientTime.dayStartMinutesRange.contains(minutes) else {
      throw .invalid("A day begins 0 to 1439 minutes after midnight.")
    }
    let now = clock.now
    try store.change { state throws(ClientError) in state.setDayStart(minutes: minutes, now: now) }
    wake()
  }

  /// The local time that stands for a day: now for today, otherwise the middle of that day.
  func clientTime(on day: Day?, now: Instant, dayStartMinutes: Int32) -> ClientTime {
    let here = clock.localTime(at: now, dayStartMinutes: dayStartMinutes)
    guard let day, day != here.day else { return here }
    return clock.localTime(inTheMiddleOf: day, dayStartMinutes: dayStartMinutes)
  }
}

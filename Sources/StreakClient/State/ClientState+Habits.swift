internal import StreakDomain

/// One interface for accounts and the session: a change becomes an operation in the account's
/// queue, or changes the session's content.
extension ClientState {
  /// The data that the person sees.
  var shown: (habits: [Identifier: HabitFields], cells: [CellKey: CellContent], zones: RecentTimeZones) {
    if let account = current.flatMap({ accounts[$0] }) {
      let habits = account.replica.shownHabits
      return (habits, account.replica.shownCells.filter { habits[$0.key.habitID] != nil }, account.zones)
    }
    return (session?.habits ?? [:], session?.shownCells ?? [:], session?.zones ?? RecentTimeZones())
  }

  private func shownHabit(_ habitID: Identifier) -> HabitFields? {
    if let account = current.flatMap({ accounts[$0] }) { return account.replica.shownHabits[habitID] }
    return session?.habits[habitID]
  }

  private func shownCell(_ key: CellKey) -> CellContent? {
    if let account = current.flatMap({ accounts[$0] }) { return account.replica.shownCell(key) }
    return session?.entries[key].map { CellContent(done: $0.done, note: $0.note, trust: .counted) }
  }

  mutating func addHabit(
    _ name: String, description: String, color: UInt32, archived: Bool = false, now: Instant
  ) throws(ClientError) -> Identifier {
    let habits = shown.habits
    guard habits.count < StreakClient.habitsMax else { throw .refusedHere(.habitLimit) }
    let position = min((habits.values.map(\.position).max() ?? -1) + 1, HabitFields.positionMax)
    let fields = HabitFields(
      name: name, description: description, color: color, position: position, archived: archived)
    let id = Identifier.random()
    try edit(id, fields, from: nil, now: now)
    return id
  }

  mutating func edit(
    _ habitID: Identifier, _ fields: HabitFields, from before: HabitFields?, now: Instant
  ) throws(ClientError) {
    guard fields.isValid, !fields.name.utf8.contains(0), !fields.description.utf8.contains(0) else {
      throw .invalid(
        "A habit's name is visible text of one line, at most \(HabitName.bytesMax) bytes; its description has at most \(HabitFields.descriptionBytesMax)."
      )
    }
    guard let userID = current else {
      return changeSession(now: now, habit: habitID) { $0.habits[habitID] = fields }
    }
    let changed = HabitField.allCases.filter { before?.text(of: $0) != fields.text(of: $0) }
    guard !changed.isEmpty else { return }
    let edit = Operation.HabitEdit(habitID: habitID, fields: fields, changed: Set(changed))
    _ = changeAccount(userID) { $0.replica.make(.editHabit(edit), at: now) }
  }

  /// Records a statement about a day.
  mutating func tap(
    _ habitID: Identifier, day: Day, done: Bool, note: String?, clientTime: ClientTime, now: Instant
  ) throws(ClientError) {
    guard shownHabit(habitID) != nil else { throw .refusedHere(.habitNotFound) }
    let before = shownCell(CellKey(habitID: habitID, day: day))
    try record(habitID, day: day, done: done, note: note, clientTime: clientTime, before: before, now: now)
  }

  /// Records a statement about a day of an existing habit.
  /// - Parameter before: The day's entry that the person sees until now.
  mutating func record(
    _ habitID: Identifier, day: Day, done: Bool, note: String?, clientTime: ClientTime, before: CellContent?,
    now: Instant
  ) throws(ClientError) {
    try Self.check(note: note ?? "", day: day, clientTime: clientTime, now: now)
    if !done {
      guard before != nil else { throw .refusedHere(.cellNotFound) }
      // A session was not sent to any server: every entry can be undone.
      guard current == nil || !DayRules.isSealed(day: day, today: DayRules.judgedDay(clientTime, at: now)) else {
        throw .refusedHere(.daySealed)
      }
    }
    let isNoteNew = done && note.map { $0 != before?.note ?? "" } ?? false
    guard before?.done != done || isNoteNew else { return }
    let key = CellKey(habitID: habitID, day: day)
    guard let userID = current else {
      return try stateInSession(
        key, done: done, note: isNoteNew ? note ?? "" : before?.note ?? "", clientTime: clientTime, before: before,
        now: now)
    }
    let completion = Operation.Completion(
      habitID: habitID, day: day, done: done, note: done ? note : nil, clientTime: clientTime)
    _ = changeAccount(userID) { account in
      // A completion without a note does not state one: clearing a note is a statement of its own.
      if before?.done != done || note != "" { account.replica.make(.setCompletion(completion), at: now) }
      if isNoteNew, note == "" {
        account.replica.make(
          .setNote(Operation.Note(habitID: habitID, day: day, text: "", clientTime: clientTime)), at: now)
      }
      account.zones.note(clientTime, now: now)
    }
  }

  /// Records the note of a day; empty text clears it.
  mutating func note(
    _ habitID: Identifier, day: Day, _ text: String, clientTime: ClientTime, now: Instant
  ) throws(ClientError) {
    guard shownHabit(habitID) != nil else { throw .refusedHere(.habitNotFound) }
    try Self.check(note: text, day: day, clientTime: clientTime, now: now)
    let key = CellKey(habitID: habitID, day: day)
    let before = shownCell(key)
    guard text != before?.note ?? "" else { return }
    guard let userID = current else {
      return try stateInSession(
        key, done: before?.done ?? false, note: text, clientTime: clientTime, before: before, now: now)
    }
    _ = changeAccount(userID) { account in
      account.replica.make(
        .setNote(Operation.Note(habitID: habitID, day: day, text: text, clientTime: clientTime)), at: now)
    }
  }

  private static func check(note: String, day: Day, clientTime: ClientTime, now: Instant) throws(ClientError) {
    if note.utf8.count > StreakClient.noteBytesMax || note.utf8.contains(0) {
      throw .invalid("A note has at most \(StreakClient.noteBytesMax) bytes, none of them zero.")
    }
    if let rejection = DayRules.rejection(day: day, clientTime: clientTime, now: now) {
      throw .refusedHere(rejection)
    }
  }

  private mutating func stateInSession(
    _ key: CellKey, done: Bool, note: String, clientTime: ClientTime, before: CellContent?, now: Instant
  ) throws(ClientError) {
    guard before != nil || (session?.entries.count ?? 0) < StreakClient.sessionEntriesMax else {
      throw .invalid("Without an account at most \(StreakClient.sessionEntriesMax) days can be kept.")
    }
    changeSession(now: now, cell: key) { session in
      let otherNotes = session.entries[key]?.otherNotes ?? []
      session.entries[key] = .init(done: done, note: note, clientTime: clientTime, otherNotes: otherNotes)
      session.zones.note(clientTime, now: now)
    }
  }
}

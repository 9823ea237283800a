public import StreakDomain

/// The daily functions. None of them waits for a server.
extension StreakClient {
  /// Most habits of one user: the service's limit.
  public static let habitsMax = 1_000
  /// Most days of a session: the service's limit.
  public static let sessionEntriesMax = 50_000
  /// Most bytes of a note.
  public static let noteBytesMax = 4_096

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
      session.entries[key] = AnonymousSession.Entry(done: done, note: note, clientTime: clientTime)
      session.zones.note(clientTime, now: now)
    }
  }
}

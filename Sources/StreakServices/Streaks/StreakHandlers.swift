internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore

/// Habits, days, streaks.
struct StreakHandlers: StreakService {
  /// Rows in a page when the client does not say.
  static let pageSizeDefault: Int32 = 100

  let store: StreakStore

  func putHabit(_ request: PutHabitRequest, context: ServerContext) async throws(RPCStatus) -> PutHabitResponse {
    let principal = try context.user()
    guard let habit = request.habit else { throw Refusal.invalidField("habit", "is required") }
    let wanted = try HabitRecord(habit, path: "habit", at: .now())
    let outcome = try await answering { () throws(StoreError) in
      try await store.putHabit(wanted, of: principal.userID)
    }
    switch outcome {
    case .stored(let stored): return PutHabitResponse(habit: Habit(stored))
    case .limitReached: throw Refusal.habitLimit.status
    }
  }

  func listHabits(_ request: ListHabitsRequest, context: ServerContext) async throws(RPCStatus) -> ListHabitsResponse {
    let principal = try context.user()
    let page = try HabitPage(size: request.pageSize, token: request.pageToken, archived: request.includeArchived)
    let habits = try await answering { () throws(StoreError) in
      try await store.habits(
        of: principal.userID, includingArchived: request.includeArchived, after: page.place, countMax: page.size + 1)
    }
    let shown = habits.prefix(Int(page.size))
    return ListHabitsResponse(
      habits: shown.map { Habit($0) },
      nextPageToken: page.next(shown.last.map { HabitPlace(position: $0.position, habitID: $0.habitID) }, habits.count))
  }

  func recordCompletion(
    _ request: RecordCompletionRequest, context: ServerContext
  ) async throws(RPCStatus) -> RecordCompletionResponse {
    let principal = try context.user()
    let now = Moment.now()
    let made = try LocalTimeRecord(request.made, path: "made")
    let recording = CellRecord(
      habitID: try Identifier(field: request.habitId, path: "habit_id"), day: request.day, done: true,
      note: request.note, quarantineReason: 0, version: 0, made: made, recordedAt: now, deviceID: principal.deviceID,
      migrationID: nil)
    let changed = try await change(recording, of: principal) { state in
      CellDecision.record(recording, state)
    }
    return RecordCompletionResponse(
      cell: Cell(changed.cell), streak: Schema.Streak(recording.habitID, changed, at: now))
  }

  func undoCompletion(
    _ request: UndoCompletionRequest, context: ServerContext
  ) async throws(RPCStatus) -> UndoCompletionResponse {
    let principal = try context.user()
    let now = Moment.now()
    let undoing = CellRecord(
      habitID: try Identifier(field: request.habitId, path: "habit_id"), day: request.day, done: false, note: "",
      quarantineReason: 0, version: 0, made: try LocalTimeRecord(request.made, path: "made"), recordedAt: now,
      deviceID: principal.deviceID, migrationID: nil)
    let changed = try await change(undoing, of: principal) { state in CellDecision.undo(undoing, state) }
    return UndoCompletionResponse(cell: Cell(changed.cell), streak: Schema.Streak(undoing.habitID, changed, at: now))
  }

  private func change(
    _ cell: CellRecord, of principal: Principal, _ decide: (LedgerState) -> Result<CellChange?, CellRefusal>
  ) async throws(RPCStatus) -> ChangedLedger {
    let outcome = try await answering { () throws(StoreError) in
      try await store.changeCell(
        of: principal.userID, habitID: cell.habitID, day: cell.day, decide)
    }
    switch outcome {
    case .success(let changed): return changed
    case .failure(let refused): throw refused.refusal.status
    }
  }

  func getStreak(_ request: GetStreakRequest, context: ServerContext) async throws(RPCStatus) -> GetStreakResponse {
    let principal = try context.user()
    let habitID = try Identifier(field: request.habitId, path: "habit_id")
    let streak = try await answering { () throws(StoreError) in
      try await store.streak(of: principal.userID, habitID: habitID)
    }
    guard let streak else { throw Refusal.habitNotFound.status }
    return GetStreakResponse(streak: Schema.Streak(streak, at: .now()))
  }

  func listStreaks(
    _ request: ListStreaksRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListStreaksResponse {
    let principal = try context.user()
    let page = try HabitPage(size: request.pageSize, token: request.pageToken, archived: request.includeArchived)
    let streaks = try await answering { () throws(StoreError) in
      try await store.streaks(
        of: principal.userID, includingArchived: request.includeArchived, after: page.place, countMax: page.size + 1)
    }
    let now = Moment.now()
    let shown = streaks.prefix(Int(page.size))
    return ListStreaksResponse(
      streaks: shown.map { Schema.Streak($0, at: now) },
      nextPageToken: page.next(shown.last.map { HabitPlace(position: $0.position, habitID: $0.habitID) }, streaks.count)
    )
  }

  func getHistory(_ request: GetHistoryRequest, context: ServerContext) async throws(RPCStatus) -> GetHistoryResponse {
    let principal = try context.user()
    let page = try HistoryPage(request)
    let cells = try await answering { () throws(StoreError) in
      try await store.history(of: principal.userID, page.filter, after: page.place, countMax: page.size + 1)
    }
    let shown = cells.prefix(Int(page.size))
    return GetHistoryResponse(cells: shown.map { Cell($0) }, nextPageToken: page.next(shown.last, cells.count))
  }

  func getStatistics(
    _ request: GetStatisticsRequest, context: ServerContext
  ) async throws(RPCStatus) -> GetStatisticsResponse {
    let principal = try context.user()
    let habitID = request.habitId.isEmpty ? nil : try Identifier(field: request.habitId, path: "habit_id")
    let days = request.days ?? DayRange(firstDay: Day.earliest.number, lastDay: Day.latest.number)
    let counts = try await answering { () throws(StoreError) -> [DayCounts]? in
      if let habitID, try await store.streak(of: principal.userID, habitID: habitID) == nil { return nil }
      return try await store.dayCounts(
        of: principal.userID, habitID: habitID, firstDay: days.firstDay, lastDay: days.lastDay)
    }
    guard let counts else { throw Refusal.habitNotFound.status }
    return GetStatisticsResponse(statistics: Schema.Statistics(Statistics(counts), days: days))
  }
}

extension Schema.Streak {
  init(_ record: StreakRecord, at now: Moment) {
    self.init(habitID: record.habitID, record.summary, zoneUses: record.zoneUses, archived: record.archived, at: now)
  }

  init(_ habitID: Identifier, _ changed: ChangedLedger, at now: Moment) {
    self.init(
      habitID: habitID, changed.summary, zoneUses: changed.zoneUses, archived: changed.habitIsArchived, at: now)
  }
}

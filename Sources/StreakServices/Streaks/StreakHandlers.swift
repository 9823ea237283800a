internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Handles habits, days and streaks. One per loop.
struct StreakHandlers: StreakService {
  /// The rows of a page when the client names no number.
  static let pageSizeDefault: Int32 = 100

  let store: StreakStore

  func putHabit(_ request: PutHabitRequest, context: ServerContext) async throws(RPCStatus) -> PutHabitResponse {
    let principal = try context.user()
    guard let habit = request.habit else { throw Reason.invalidField("habit", "is required") }
    let now = Instant.now()
    let wanted = try reading { () throws(InvalidField) in try HabitEntry(field: habit, path: "habit", at: now) }
    let answer = try await change(
      .editHabit(StreakDomain.Operation.HabitEdit(habitID: wanted.id, fields: wanted.fields)), by: principal,
      queueDrained: false, at: now)
    let habitID = answer.ledger.habitID(meantBy: wanted.id)
    guard let stored = answer.ledger.habits[habitID] else { throw Reason.internalFault.status }
    return PutHabitResponse(habit: Habit(habitID, stored))
  }

  func listHabits(_ request: ListHabitsRequest, context: ServerContext) async throws(RPCStatus) -> ListHabitsResponse {
    let principal = try context.user()
    let page = try HabitPage(size: request.pageSize, token: request.pageToken, archived: request.includeArchived)
    let habits = try await mappingStoreErrors { () throws(StoreError) in
      try await store.habits(
        of: principal.userID, includingArchived: request.includeArchived, after: page.place, countMax: page.size + 1)
    }
    let shown = habits.prefix(Int(page.size))
    return ListHabitsResponse(
      habits: shown.map { Habit($0) },
      nextPageToken: page.next(
        shown.last.map { HabitPlace(position: $0.fields.position, habitID: $0.id) }, habits.count))
  }

  func recordCompletion(
    _ request: RecordCompletionRequest, context: ServerContext
  ) async throws(RPCStatus) -> RecordCompletionResponse {
    let principal = try context.user()
    let completion = try reading { () throws(InvalidField) in try StreakDomain.Operation.Completion(request) }
    let (cell, streak, noteReason) = try await complete(
      completion, by: principal, queueDrained: request.queueDrained)
    return RecordCompletionResponse(cell: cell, streak: streak, noteReason: noteReason)
  }

  func undoCompletion(
    _ request: UndoCompletionRequest, context: ServerContext
  ) async throws(RPCStatus) -> UndoCompletionResponse {
    let principal = try context.user()
    let completion = try reading { () throws(InvalidField) in try StreakDomain.Operation.Completion(request) }
    let (cell, streak, _) = try await complete(completion, by: principal, queueDrained: false)
    return UndoCompletionResponse(cell: cell, streak: streak)
  }

  private func complete(
    _ completion: StreakDomain.Operation.Completion, by principal: Principal, queueDrained: Bool
  ) async throws(RPCStatus) -> (Cell, Schema.Streak, noteReason: ErrorReason) {
    let now = Instant.now()
    let answer = try await change(.setCompletion(completion), by: principal, queueDrained: queueDrained, at: now)
    let key = CellKey(habitID: answer.ledger.habitID(meantBy: completion.habitID), day: completion.day)
    guard let habit = answer.ledger.habits[key.habitID], let cell = answer.ledger.cells[key] else {
      throw Reason.internalFault.status
    }
    return (
      Cell(key, cell),
      Schema.Streak(
        habitID: key.habitID, habit.summary, zones: answer.ledger.zones, archived: habit.fields.archived, at: now),
      answer.outcomes.first?.rejection.map { ErrorReason($0) } ?? .unspecified
    )
  }

  /// Makes one change, decided and stored like a queued operation.
  private func change(
    _ change: StreakDomain.Operation.Change, by principal: Principal, queueDrained: Bool, at now: Instant
  ) async throws(RPCStatus) -> ChangeResult {
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let request = ChangeRequest(
      userID: principal.userID, deviceID: deviceID, work: .direct(change), queueDrained: queueDrained, now: now)
    let result = try await mappingStoreErrors { () throws(StoreError) in try await store.change(request) }
    let answer: ChangeResult
    switch result {
    case .success(let found): answer = found
    case .failure(let refusal): throw refusal.status
    }
    if let outcome = answer.outcomes.first, outcome.status == .rejected, let rejection = outcome.rejection {
      throw rejection.status
    }
    return answer
  }

  func getStreak(_ request: GetStreakRequest, context: ServerContext) async throws(RPCStatus) -> GetStreakResponse {
    let principal = try context.user()
    let habitID = try identifier(request.habitId, "habit_id")
    let streak = try await mappingStoreErrors { () throws(StoreError) in
      try await store.streak(of: principal.userID, habitID: habitID)
    }
    guard let streak else { throw Reason.habitNotFound.status }
    return GetStreakResponse(streak: Schema.Streak(streak, at: .now()))
  }

  func explainStreak(
    _ request: ExplainStreakRequest, context: ServerContext
  ) async throws(RPCStatus) -> ExplainStreakResponse {
    let principal = try context.user()
    let habitID = try identifier(request.habitId, "habit_id")
    let now = Instant.now()
    let days = request.days ?? .all
    let found = try await mappingStoreErrors { () throws(StoreError) in
      try await store.explainedCells(
        of: principal.userID, habitID: habitID, firstDay: days.firstDay, lastDay: days.lastDay)
    }
    guard let found else { throw Reason.habitNotFound.status }
    let today = found.streak.zones.today(now: now)
    let explanation = StreakExplanation(
      found.cells, summary: found.streak.summary, today: today, isArchived: found.streak.archived)
    return ExplainStreakResponse(
      streak: Schema.Streak(found.streak, at: now),
      run: explanation.run.map { DayRange($0) },
      leftOut: explanation.leftOut.map { LeftOutDay($0) })
  }

  func listStreaks(
    _ request: ListStreaksRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListStreaksResponse {
    let principal = try context.user()
    let page = try HabitPage(size: request.pageSize, token: request.pageToken, archived: request.includeArchived)
    let streaks = try await mappingStoreErrors { () throws(StoreError) in
      try await store.streaks(
        of: principal.userID, includingArchived: request.includeArchived, after: page.place, countMax: page.size + 1)
    }
    let now = Instant.now()
    let shown = streaks.prefix(Int(page.size))
    return ListStreaksResponse(
      streaks: shown.map { Schema.Streak($0, at: now) },
      nextPageToken: page.next(shown.last.map { HabitPlace(position: $0.position, habitID: $0.habitID) }, streaks.count)
    )
  }

  func getHistory(_ request: GetHistoryRequest, context: ServerContext) async throws(RPCStatus) -> GetHistoryResponse {
    let principal = try context.user()
    let page = try HistoryPage(request)
    let cells = try await mappingStoreErrors { () throws(StoreError) in
      try await store.history(of: principal.userID, page.filter, after: page.place, countMax: page.size + 1)
    }
    let shown = PageBytes.cut(cells, countMax: Int(page.size)) { $0.state.cell.note.utf8.count }
    return GetHistoryResponse(
      cells: shown.map { Cell($0) }, nextPageToken: page.next(shown.last?.key, goesOn: cells.count > shown.count))
  }

  func getStatistics(
    _ request: GetStatisticsRequest, context: ServerContext
  ) async throws(RPCStatus) -> GetStatisticsResponse {
    let principal = try context.user()
    let habitID = request.habitId.isEmpty ? nil : try identifier(request.habitId, "habit_id")
    let days = request.days ?? .all
    let counts = try await mappingStoreErrors { () throws(StoreError) -> [DayCounts]? in
      if let habitID, try await store.streak(of: principal.userID, habitID: habitID) == nil { return nil }
      return try await store.dayCounts(
        of: principal.userID, habitID: habitID, firstDay: days.firstDay, lastDay: days.lastDay)
    }
    guard let counts else { throw Reason.habitNotFound.status }
    return GetStatisticsResponse(statistics: Schema.Statistics(Statistics(counts), days: days))
  }
}

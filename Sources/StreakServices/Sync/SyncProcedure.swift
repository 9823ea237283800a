internal import GRPCSchema
internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore

/// Answers one `SyncRequest`: operations up, then the changes down, from memory where the device was up to date, else by a pull.
struct SyncProcedure: Sendable {
  /// Most changes in one response when the client does not say.
  static let pageSizeDefault = 1_000
  /// Largest number of an operation.
  static let seqMax: Int64 = 1 << 53

  let store: StreakStore

  func run(_ request: SyncRequest, by principal: Principal, at now: Moment) async throws(RPCStatus) -> SyncResponse {
    guard Identifier(request.userId) == principal.userID else { throw Refusal.accountMismatch.status }
    guard let deviceID = principal.deviceID else { throw Refusal.credentialsInvalid.status }
    try Self.checkOrder(request.operations)
    var answer: LedgerAnswer?
    if !request.operations.isEmpty || request.nothingLeft {
      answer = try await change(
        LedgerRequest(
          userID: principal.userID, deviceID: deviceID, work: .queue(request.operations.map { QueuedOperation($0) }),
          nothingLeft: request.nothingLeft, now: now))
    }
    var response = try await changes(request, of: principal.userID, deviceID, answer)
    response.outcomes = answer?.outcomes.map { OperationOutcome($0) } ?? []
    response.serverTime = GoogleProtobufTimestamp(now)
    response.clockAheadMilliseconds = Self.clockAhead(request.operations, now: now)
    return response
  }

  /// The rest of a pull, or what has changed since it was complete; nil if nothing has.
  func pull(
    of principal: Principal, from cursor: Schema.Cursor, pageSize: Int32
  ) async throws(RPCStatus) -> SyncResponse? {
    guard let deviceID = principal.deviceID else { throw Refusal.credentialsInvalid.status }
    let head = try await answering { () throws(StoreError) in try await store.head(of: principal.userID) }
    guard !isUpToDate(cursor, changeNumber: head.changeNumber) else { return nil }
    var response = try await page(cursor, of: principal.userID, deviceID, pageSize: pageSize, head: head.changeNumber)
    response.serverTime = GoogleProtobufTimestamp(Moment.now())
    return response
  }

  private func change(_ request: LedgerRequest) async throws(RPCStatus) -> LedgerAnswer {
    let result = try await answering { () throws(StoreError) in try await store.change(request) }
    switch result {
    case .success(let answer): return answer
    case .failure(.gap(let expectedSeq)): throw Refusal.sequenceGap.status.with(SyncRefusal(expectedSeq: expectedSeq))
    case .failure(.operationReused): throw Refusal.operationReused.status.with(SyncRefusal())
    case .failure(.deviceUnknown): throw Refusal.credentialsInvalid.status
    }
  }

  private static func checkOrder(_ operations: [Schema.Operation]) throws(RPCStatus) {
    guard let first = operations.first?.seq else { return }
    for (index, operation) in operations.enumerated() {
      guard (1...seqMax).contains(operation.seq), operation.seq - first == Int64(index) else {
        throw Refusal.invalidField("operations[\(index)].seq", "must follow the one before without a gap")
      }
    }
  }

  private static func clockAhead(_ operations: [Schema.Operation], now: Moment) -> Int64 {
    let latest = operations.lazy.map { HybridTime(packed: $0.hybridTime).milliseconds }.max() ?? 0
    let ahead = latest - now.milliseconds
    return ahead > ClockRules.aheadMillisecondsMax ? ahead : 0
  }

  // MARK: Changes

  private func isUpToDate(_ cursor: Schema.Cursor, changeNumber: Int64) -> Bool {
    cursor.epoch == store.epoch && cursor.changeNumber == changeNumber && cursor.resume.isEmpty
  }

  private func changes(
    _ request: SyncRequest, of userID: Identifier, _ deviceID: Identifier, _ answer: LedgerAnswer?
  ) async throws(RPCStatus) -> SyncResponse {
    let cursor = request.cursor ?? Schema.Cursor()
    let before: Int64
    if let answer {
      before = answer.changeNumberBefore
      if isUpToDate(cursor, changeNumber: before), let response = own(answer) { return response }
    } else {
      let head = try await answering { () throws(StoreError) in try await store.head(of: userID) }
      before = head.changeNumber
      if isUpToDate(cursor, changeNumber: before) { return upToDate(head.changeNumber, head.digest) }
    }
    return try await page(cursor, of: userID, deviceID, pageSize: request.pageSize, head: before)
  }

  private func upToDate(_ changeNumber: Int64, _ digest: StreakDomain.StateDigest) -> SyncResponse {
    SyncResponse(
      cursor: Schema.Cursor(epoch: store.epoch, changeNumber: changeNumber),
      digest: Schema.StateDigest(sum: digest.bytes))
  }

  /// What the request itself has changed; nil if it brought a habit back, of which the device lacks the days.
  private func own(_ answer: LedgerAnswer) -> SyncResponse? {
    let ledger = answer.ledger
    var response = upToDate(ledger.changeNumber, ledger.digest)
    for id in ledger.changes.editedHabits.sorted() {
      guard let habit = ledger.habits[id] else { continue }
      if habit.returnedVersion > answer.changeNumberBefore { return nil }
      if habit.isDeleted { response.deletedHabitIds.append(id.bytes) } else { response.habits.append(Habit(id, habit)) }
    }
    ledger.changes.cells.forEachInOrder { key, _ in
      guard let cell = ledger.cells[key], ledger.habits[key.habitID]?.isDeleted == false else { return }
      response.cells.append(Cell(key, cell))
    }
    ledger.changes.notices.forEachInOrder { id in
      if let notice = ledger.notices[id] { response.notices.append(Notice(id, notice)) }
    }
    return response
  }

  private func page(
    _ cursor: Schema.Cursor, of userID: Identifier, _ deviceID: Identifier, pageSize: Int32, head: Int64
  ) async throws(RPCStatus) -> SyncResponse {
    let place = cursor.resume.isEmpty ? nil : PullPlace(bytes: cursor.resume)
    // A cursor that this server did not give: of another epoch, or of nothing that has happened.
    let isKnown =
      cursor.epoch == store.epoch && (0...head).contains(cursor.changeNumber)
      && (cursor.resume.isEmpty || (place.map { (0...head).contains($0.head) } ?? false))
    let since = isKnown ? cursor.changeNumber : 0
    let page = try await answering { () throws(StoreError) in
      try await store.pull(
        of: userID, for: deviceID, since: since, at: isKnown ? place : nil,
        cellsMax: pageSize == 0 ? Self.pageSizeDefault : Int(pageSize))
    }
    let isAnew = !isKnown && !(cursor.epoch == 0 && cursor.changeNumber == 0 && cursor.resume.isEmpty)
    let begin = page.isReset || !isKnown ? 0 : since
    return SyncResponse(
      reset: page.isReset || isAnew,
      habits: page.habits.filter { !$0.habit.isDeleted }.map { Habit($0.id, $0.habit) },
      deletedHabitIds: page.habits.filter(\.habit.isDeleted).map(\.id.bytes),
      cells: page.cells.map { Cell($0.key, $0.cell) }, notices: page.notices.map { Notice($0.id, $0.notice) },
      cursor: Schema.Cursor(
        epoch: store.epoch, changeNumber: page.next == nil ? page.changeNumber : begin,
        resume: page.next?.bytes ?? []),
      hasMore: page.next != nil, digest: page.next == nil ? Schema.StateDigest(sum: page.digest.bytes) : nil)
  }
}

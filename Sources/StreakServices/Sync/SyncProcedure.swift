internal import Cryptography
internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Answers one `SyncRequest`: the operations of the device first, then the changes for it, from
/// memory where the device was up to date, else by a pull.
///
/// What does not wait, or is seldom needed, is kept out of the frame of a call (`@inline(never)`):
/// each call takes its frame from the allocator, and 8 KiB of it cost 5 % of a call's CPU.
struct SyncProcedure: Sendable {
  /// The most changes in one response when the client names no number.
  static let pageSizeDefault = 1_000
  /// The most notices in one response to a device that has everything else.
  static let noticesMax: Int32 = 1_000
  /// The largest number of an operation.
  static let seqMax: Int64 = 1 << 53

  let store: StreakStore
  private let seal: CursorSeal

  /// - Parameter store: Has read the server key.
  init(store: StreakStore) {
    self.store = store
    seal = CursorSeal(secret: store.serverKey.cursorKey)
  }

  func run(_ request: SyncRequest, by principal: Principal, at now: Instant) async throws(RPCStatus) -> SyncResponse {
    guard Identifier(request.userId) == principal.userID else { throw Reason.accountMismatch.status }
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    try Self.checkOrder(request.operations)
    let sentAt = try Self.sentAt(request, now: now.wholeMilliseconds)
    var received = try Received(request.cursor, of: principal.userID, seal: seal, present: store.epoch)
    let answer = try await change(request, &received, principal.userID, deviceID, sentAt, at: now)
    var response: SyncResponse
    if let answer, let own = own(answer, received, principal.userID, deviceID) {
      response = own
    } else {
      response = try await readChanges(request, received, of: principal.userID, deviceID, answer)
    }
    response.outcomes = answer?.outcomes.map { OperationOutcome($0) } ?? []
    response.serverTime = GoogleProtobufTimestamp(now)
    response.deletionAt = principal.deletionAt.map { GoogleProtobufTimestamp($0) }
    response.clockAheadMilliseconds = ClockRules(now: now.wholeMilliseconds, sentAt: sentAt).skewMilliseconds
    return response
  }

  /// The next part of a pull, or the changes since it was complete; nil if there are none.
  func pull(
    of principal: Principal, from cursor: Schema.Cursor, pageSize: Int32
  ) async throws(RPCStatus) -> SyncResponse? {
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let place = try Received(cursor, of: principal.userID, seal: seal, present: store.epoch)
    return try await inOneEpoch(place) { place throws(RPCStatus) in
      let head = try await mappingStoreErrors { () throws(StoreError) in try await store.head(of: principal.userID) }
      guard !isUpToDate(place, changeNumber: head.changeNumber) else { return nil }
      var response = try await page(place, of: principal.userID, deviceID, pageSize: pageSize, head: head.changeNumber)
      response.serverTime = GoogleProtobufTimestamp(Instant.now())
      return response
    }
  }

  /// Reads everything from the database of one epoch: once more if another one came into use
  /// meanwhile. The change numbers of two databases say nothing together.
  private func inOneEpoch<Value>(
    _ received: Received, _ read: (Received) async throws(RPCStatus) -> Value
  ) async throws(RPCStatus) -> Value {
    var received = received
    while true {
      received.present = store.epoch
      let value = try await read(received)
      if store.epoch == received.present { return value }
    }
  }

  /// The device's clock at sending; for a device that does not send it, the latest valid time of
  /// its operations.
  private static func sentAt(_ request: SyncRequest, now: Instant) throws(RPCStatus) -> Instant? {
    if let sentAt = request.sentAt {
      guard let instant = sentAt.instant else { throw Reason.invalidField("sent_at", "must be a timestamp") }
      return instant.wholeMilliseconds
    }
    return request.operations.lazy.map { HybridTime(packed: $0.hybridTime).milliseconds }
      .filter { ClockRules(now: now).ordered(HybridTime(milliseconds: $0)) != nil }.max()
      .map { Instant(milliseconds: $0) }
  }

  /// - Returns: Nil if there is nothing to decide.
  private func change(
    _ request: SyncRequest, _ received: inout Received, _ userID: Identifier, _ deviceID: Identifier,
    _ sentAt: Instant?, at now: Instant
  ) async throws(RPCStatus) -> ChangeResult? {
    while let change = changeRequest(request, received, userID, deviceID, sentAt, at: now) {
      let result = try await mappingStoreErrors { () throws(StoreError) in try await store.change(change) }
      switch result {
      case .success(let answer): return answer
      case .failure(.otherEpoch): continue
      case .failure(.cursorAhead):
        received.isAhead = true
        try await lookAtDatabase()
      case .failure(let refusal): throw refusal.status
      }
    }
    return nil
  }

  /// The change in the present epoch; nil if there is nothing to decide.
  @inline(never)
  private func changeRequest(
    _ request: SyncRequest, _ received: Received, _ userID: Identifier, _ deviceID: Identifier, _ sentAt: Instant?,
    at now: Instant
  ) -> ChangeRequest? {
    let epoch = store.epoch
    // A device that does not know yet that the server has lost data has not begun to send it again:
    // it is not caught up, and an operation that names a lost habit waits for it. Only a genuine
    // cursor of this epoch that is not ahead of the data shows that the device knows.
    let isOfPastEpoch = received.statedEpoch != .none && received.statedEpoch != epoch
    let isCurrent = received.epoch == epoch && !received.isAhead
    let queueDrained = request.queueDrained && isCurrent
    guard !request.operations.isEmpty || !request.restatedHabits.isEmpty || queueDrained else { return nil }
    return ChangeRequest(
      userID: userID, deviceID: deviceID, work: .queue(request.operations.map { QueuedOperation($0) }),
      queueDrained: queueDrained, now: now,
      waitsForHabits: isOfPastEpoch || received.isAhead,
      restatedHabits: request.restatedHabits.compactMap { SyncChanges.Habit($0) },
      oldestKeptSeq: request.oldestKeptSeq, acknowledgedSeq: request.acknowledgedSeq,
      receivedNumber: isCurrent ? received.lastNumber : 0, sentAt: sentAt, epoch: epoch)
  }

  /// A genuine cursor is ahead of the data: the database may be another one.
  @inline(never)
  private func lookAtDatabase() async throws(RPCStatus) {
    try await mappingStoreErrors { () throws(StoreError) in try await store.lookAtDatabase(at: .now()) }
  }

  private static func checkOrder(_ operations: [Schema.Operation]) throws(RPCStatus) {
    guard let first = operations.first?.seq else { return }
    for (index, operation) in operations.enumerated() {
      guard (1...seqMax).contains(operation.seq), operation.seq - first == Int64(index) else {
        throw Reason.invalidField("operations[\(index)].seq", "must follow the one before without a gap")
      }
    }
  }

  // MARK: Changes

  /// How much a device has received, proved by its cursor.
  private struct Received {
    /// The store's epoch while the response is read: its cursor is of this epoch.
    var present: Epoch
    var epoch = Epoch.none
    /// The epoch that the cursor names, also if the device has to drop what it received.
    var statedEpoch = Epoch.none
    var changeNumber: Int64 = 0
    var resume: [UInt8] = []
    /// The database lacks changes of this epoch that the device has received.
    var isAhead = false
    /// The device has to drop what it received.
    var isVoid = false

    /// - Throws: `CURSOR_INVALID` for a cursor that no server gave this account.
    init(_ cursor: Schema.Cursor?, of userID: Identifier, seal: CursorSeal, present: Epoch) throws(RPCStatus) {
      self.present = present
      guard let cursor, cursor.epoch != 0 || cursor.changeNumber != 0 || !cursor.resume.isEmpty else { return }
      statedEpoch = Epoch(cursor)
      guard cursor.changeNumber >= 0 else {
        isVoid = true
        return
      }
      guard seal.isGenuine(cursor, of: userID) else { throw Reason.cursorInvalid.status }
      epoch = statedEpoch
      changeNumber = cursor.changeNumber
      resume = cursor.resume
    }

    /// The position in a pull of several responses.
    var place: PullPlace? { resume.isEmpty ? nil : PullPlace(bytes: resume) }
    /// The last change that the device has received some of.
    var lastNumber: Int64 { max(changeNumber, place?.head ?? 0) }
  }

  private func isUpToDate(_ received: Received, changeNumber: Int64) -> Bool {
    received.epoch == received.present && received.changeNumber == changeNumber && received.resume.isEmpty
      && !received.isVoid && !received.isAhead
  }

  @inline(never)
  private func readChanges(
    _ request: SyncRequest, _ received: Received, of userID: Identifier, _ deviceID: Identifier, _ answer: ChangeResult?
  ) async throws(RPCStatus) -> SyncResponse {
    try await inOneEpoch(received) { received throws(RPCStatus) in
      try await changes(request, received, of: userID, deviceID, answer)
    }
  }

  private func changes(
    _ request: SyncRequest, _ received: Received, of userID: Identifier, _ deviceID: Identifier, _ answer: ChangeResult?
  ) async throws(RPCStatus) -> SyncResponse {
    let head: PersonHead
    if let answer, answer.ledger.epoch == received.present {
      head = PersonHead(answer.ledger)
    } else {
      head = try await mappingStoreErrors { () throws(StoreError) in try await store.head(of: userID) }
      if isUpToDate(received, changeNumber: head.changeNumber) { return upToDate(head, received, userID, deviceID) }
    }
    // In a new epoch a device that has all of the server's data continues from there.
    let isUnchanged = answer.map { $0.changeNumberBefore == $0.ledger.changeNumber } ?? true
    if received.epoch != received.present, received.epoch != .none, received.resume.isEmpty, isUnchanged,
      request.digest == head.digest.bytes
    {
      var response = upToDate(head, received, userID, deviceID)
      let notices = try await mappingStoreErrors { () throws(StoreError) in
        try await store.notices(
          of: userID, for: deviceID, includingAcknowledged: false, after: .start, countMax: Self.noticesMax)
      }
      let shown = PageBytes.cut(notices, countMax: notices.count) { $0.notice.textBytes }
      response.notices = shown.map { Notice($0.id, $0.notice) }
      response.moreNotices = shown.count < notices.count || notices.count == Int(Self.noticesMax)
      return response
    }
    return try await page(received, of: userID, deviceID, pageSize: request.pageSize, head: head.changeNumber)
  }

  private func upToDate(
    _ head: PersonHead, _ received: Received, _ userID: Identifier, _ deviceID: Identifier
  ) -> SyncResponse {
    upToDate(head.changeNumber, head.digest, head.sources, head.zones, received, userID, deviceID)
  }

  private func upToDate(
    _ changeNumber: Int64, _ digest: StreakDomain.StateDigest, _ sources: borrowing Sources,
    _ zones: borrowing RecentTimeZones, _ received: Received, _ userID: Identifier, _ deviceID: Identifier
  ) -> SyncResponse {
    var response = SyncResponse(
      cursor: seal.seal(received.present, changeNumber: changeNumber, of: userID),
      digest: Schema.StateDigest(digest), lastSeq: sources[deviceID]?.lastSeq ?? 0)
    let seen = sources.seen(by: deviceID)
    if !seen.last.isEmpty { response.seen = seen.last.map { StatementId($0) } }
    response.zoneUses = zones.uses.map { ZoneUse($0) }
    return response
  }

  /// The changes of the request itself, to a device that had everything before: without a read.
  ///
  /// - Returns: Nil if another database has come into use, if the device lacks more, or if the
  ///   request brought a habit back, whose days the device lacks, or changed a notice that the
  ///   device may have acknowledged.
  @inline(never)
  private func own(
    _ answer: ChangeResult, _ received: Received, _ userID: Identifier, _ deviceID: Identifier
  ) -> SyncResponse? {
    var received = received
    received.present = store.epoch
    guard isUpToDate(received, changeNumber: answer.changeNumberBefore) else { return nil }
    return own(answer.ledger, since: answer.changeNumberBefore, received, userID, deviceID)
  }

  /// - Parameter ledger: Lent, because a copy costs a dozen references.
  private func own(
    _ ledger: borrowing PersonLedger, since changeNumber: Int64, _ received: Received, _ userID: Identifier,
    _ deviceID: Identifier
  ) -> SyncResponse? {
    guard ledger.epoch == received.present, !ledger.changes.hasEarlierNotices else { return nil }
    var response = upToDate(
      ledger.changeNumber, ledger.digest, ledger.sources, ledger.zones, received, userID, deviceID)
    var latest = HybridTime.zero
    let edited = ledger.changes.editedHabits
    for id in edited.isEmpty ? [] : edited.sorted() {
      guard let habit = ledger.habits[id] else { continue }
      if habit.returnedVersion > changeNumber { return nil }
      if habit.isDeleted { response.deletedHabitIds.append(id.bytes) } else { response.habits.append(Habit(id, habit)) }
      if let alias = HabitAlias(id, habit) { response.habitAliases.append(alias) }
      latest = max(latest, habit.latestTime)
    }
    ledger.changes.cells.forEachInOrder { key, _ in
      guard let cell = ledger.cells[key], ledger.habits[key.habitID]?.isDeleted == false else { return }
      response.cells.append(Cell(forDevice: key, cell))
      latest = max(latest, cell.latestTime)
    }
    ledger.changes.notices.forEachInOrder { id in
      if let notice = ledger.notices[id] { response.notices.append(Notice(id, notice)) }
    }
    if ledger.changes.areSettingsChanged { response.settings = Schema.AccountSettings(ledger.settings) }
    response.latestTime = latest.packed
    return response
  }

  private func page(
    _ received: Received, of userID: Identifier, _ deviceID: Identifier, pageSize: Int32, head: Int64
  ) async throws(RPCStatus) -> SyncResponse {
    let place = received.place
    // A cursor of another epoch, or ahead of the server's: the server was restored, or this one is
    // behind.
    let isOfPresent = received.epoch == received.present && !received.isVoid
    // This request's own operations may have made up for the difference in numbers.
    let isAhead = received.isAhead || received.lastNumber > head
    if isOfPresent, isAhead { try await lookAtDatabase() }
    let isKnown = isOfPresent && !isAhead && (received.resume.isEmpty || place != nil)
    let since = isKnown ? received.changeNumber : 0
    let page = try await mappingStoreErrors { () throws(StoreError) in
      try await store.pull(
        of: userID, for: deviceID, since: since, at: isKnown ? place : nil,
        cellsMax: pageSize == 0 ? Self.pageSizeDefault : Int(pageSize))
    }
    let isAnew = !isKnown && (received.isVoid || received.epoch != .none)
    let begin = page.isReset || !isKnown ? 0 : since
    var response: SyncResponse
    if let next = page.next {
      response = SyncResponse(
        cursor: seal.seal(received.present, changeNumber: begin, resume: next.bytes, of: userID), hasMore: true,
        lastSeq: page.head.sources[deviceID]?.lastSeq ?? 0)
    } else {
      response = upToDate(page.head, received, userID, deviceID)
    }
    response.reset = page.isReset || isAnew
    response.habits = page.habits.filter { !$0.habit.isDeleted }.map { Habit($0.id, $0.habit) }
    response.deletedHabitIds = page.habits.filter(\.habit.isDeleted).map(\.id.bytes)
    response.habitAliases = page.habits.compactMap { HabitAlias($0.id, $0.habit) }
    response.cells = Cell.page(page.cells)
    response.notices = page.notices.map { Notice($0.id, $0.notice) }
    response.moreNotices = page.hasMoreNotices
    if page.head.settings.version > begin { response.settings = Schema.AccountSettings(page.head.settings) }
    var latest = page.habits.lazy.map(\.habit.latestTime).max() ?? .zero
    let cells = page.cells.span
    for index in cells.indices { latest = max(latest, cells[index].cell.latestTime) }
    response.latestTime = latest.packed
    return response
  }
}

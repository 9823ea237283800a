internal import Cryptography
internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain

extension StreakClient {
  /// Most changes in one response.
  static let pageSize: Int32 = 1_000
  /// Rounds in a row in which the states may differ, or nothing new arrives, before one sync ends.
  static let fruitlessRoundsMax = 4
  /// Answers of one sync that may show a loss: without a limit, a server that loses what it
  /// acknowledges would receive the same operations for ever.
  static let lossesMax = 8
  /// Pages of notices in one sync. A page has up to 1,000 notices, or 1 MiB of them.
  static let noticePagesMax = 256
  /// A session says that it is alive this often, in milliseconds; the server removes those that
  /// have not done so for a year.
  static let keepSessionMilliseconds: Int64 = 7 * 86_400_000
  /// Wait between two attempts to open the hint stream, in milliseconds.
  static let watchBackoffMilliseconds: (min: UInt64, max: UInt64) = (1_000, 300_000)

  /// Sends the queue and fetches changes, until both sides are equal. One sync runs at a time; a
  /// call during a sync waits and then runs its own.
  ///
  /// Without an account it reports the session's begin to the server, while that is of use.
  @discardableResult
  public func sync() async throws(ClientError) -> SyncReport {
    while isSyncing {
      await withCheckedContinuation { syncWaiters.append($0) }
    }
    isSyncing = true
    defer {
      isSyncing = false
      let waiters = syncWaiters
      syncWaiters = []
      for waiter in waiters { waiter.resume() }
    }
    guard network != nil else { throw .notPossible("This client has no network.") }
    guard let userID = try store.read({ state throws(ClientError) in state.current }) else {
      try await keepSession()
      return SyncReport()
    }
    return try await sync(userID)
  }

  private func sync(_ userID: Identifier) async throws(ClientError) -> SyncReport {
    var report = SyncReport()
    try await sendAcknowledgements(userID)
    var (fruitless, losses) = (0, 0)
    var isFirst = true
    while fruitless < Self.fruitlessRoundsMax {
      try await resendLostSessions(userID)
      let sent = try store.read { state throws(ClientError) in
        state.accounts[userID].map { ($0.submission(isFirst: isFirst), $0.replica.deviceID, $0.lostSessions.count) }
      }
      guard let (submission, deviceID, lostCount) = sent else { throw .signInNeeded }
      isFirst = false
      let answer = try await exchange(submission, of: userID)
      var next = try take(answer, to: submission, sentAs: deviceID, userID, &report, &losses)
      guard losses <= Self.lossesMax else {
        throw .failing("It has lost what it had acknowledged.")
      }
      // A lost session is sent again, and the changes that it causes are received.
      let isLost = try store.read { state throws(ClientError) in
        state.accounts[userID]?.lostSessions.isEmpty == false
      }
      if next == .done, isLost { next = lostCount == 0 ? .more : .ignore }
      switch next {
      case .done: return report
      case .more: fruitless = 0
      case .ignore: fruitless += 1
      case .repair:
        report.repairs += 1
        fruitless += 1
      case .register: throw .signInNeeded
      }
    }
    throw .failing("The server's answers do not fit this device's state.")
  }

  private func exchange(_ submission: SyncSubmission, of userID: Identifier) async throws(ClientError) -> SyncAnswer {
    do throws(ClientError) {
      let request = SyncRequest(submission, pageSize: Self.pageSize, sentAt: clock.now)
      var response = try await call(SyncServiceMethods.sync, request, SyncResponse.self, for: userID)
      // Before anything of it is taken: the next request begins after it, and its response
      // would not contain them.
      try noteDeletion(response.deletionAt?.instant, of: userID)
      if response.moreNotices { response.notices += try await otherNotices(than: response.notices, of: userID) }
      guard let changes = SyncChanges(response) else {
        throw .failing("It decides operations in a way that this version of the app does not know.")
      }
      return .changes(changes)
    } catch {
      guard case .refused(let refusal) = error else { throw error }
      switch refusal.reason {
      case .sequenceGap: return .gap(expectedSeq: refusal.expectedSeq)
      case .operationReused: return .reused
      case .cursorInvalid: return .cursorInvalid
      default: throw error
      }
    }
  }

  /// The notices for which a response had no room.
  private func otherNotices(
    than known: [Schema.Notice], of userID: Identifier
  ) async throws(ClientError) -> [Schema.Notice] {
    var ids = Set(known.map(\.noticeId))
    var others: [Schema.Notice] = []
    var request = ListNoticesRequest(pageSize: Self.pageSize)
    for _ in 0..<Self.noticePagesMax {
      let page = try await call(SyncServiceMethods.listNotices, request, ListNoticesResponse.self, for: userID)
      others += page.notices.filter { ids.insert($0.noticeId).inserted }
      guard !page.nextPageToken.isEmpty else { return others }
      request.pageToken = page.nextPageToken
    }
    throw .failing("It tells notices without an end.")
  }

  private func take(
    _ answer: SyncAnswer, to submission: SyncSubmission, sentAs deviceID: Identifier, _ userID: Identifier,
    _ report: inout SyncReport, _ losses: inout Int
  ) throws(ClientError) -> SyncNext {
    let now = clock.now
    var news: [ClientEvent] = []
    var isLoss = false
    var haveZonesChanged = false
    let next = try store.change { state throws(ClientError) in
      state.changeAccount(userID) { account in
        let before = (account.replica.notices, Set(account.replica.rejected.map(\.operation.time)))
        let showsLoss = account.replica.showsLoss(answer, to: submission)
        let next = account.replica.take(answer, to: submission, sentAs: deviceID, at: now)
        // Only a sign-in can register a new device; until then the queue waits.
        if next == .register {
          account.credentials = nil
          account.standing = .mustRegister
        }
        if next == .done, submission.queueDrained { account.caughtUpAt = now }
        if showsLoss { account.noteLoss(now: now) }
        isLoss = showsLoss
        if next != .ignore, case .changes(let changes) = answer {
          if let seen = changes.seen { account.noteReceived(seen) }
          if let zones = changes.zones, account.take(zones, now: now) { haveZonesChanged = true }
        }
        for id in account.acknowledgements.keys { account.replica.forgetNotice(id) }
        for (id, notice) in account.replica.notices where before.0[id] != notice {
          news.append(.notice(id: id, notice))
        }
        for rejected in account.replica.rejected where !before.1.contains(rejected.operation.time) {
          news.append(.rejected(rejected.operation, rejected.reason))
        }
        return next
      } ?? .ignore
    }
    if isLoss { losses += 1 }
    if case .changes(let changes) = answer, next != .ignore {
      report.sent += changes.outcomes.count
      let received =
        changes.habits.count + changes.deletedHabits.count + changes.cells.count + changes.notices.count
      report.received += received
      if received > 0 || haveZonesChanged { news.append(.changed) }
    }
    if next == .register { news.append(.signInNeeded) }
    for event in news { publish(event) }
    return next
  }

  /// Most acknowledgements that are kept once they are sent: the server may lose them.
  static let acknowledgementsKeptMax = 1_000

  /// Reports the acknowledged notices to the server.
  private func sendAcknowledgements(_ userID: Identifier) async throws(ClientError) {
    let seen = try store.read { state throws(ClientError) in state.accounts[userID]?.acknowledgements ?? [:] }
    let ids = seen.filter { !$0.value }.keys.sorted().prefix(1_000)
    guard !ids.isEmpty else { return }
    let request = AcknowledgeNoticesRequest(noticeIds: ids.map(\.bytes))
    _ = try await call(
      SyncServiceMethods.acknowledgeNotices, request, AcknowledgeNoticesResponse.self, for: userID)
    try store.change { state throws(ClientError) in
      _ = state.changeAccount(userID) { account in
        for id in ids { account.acknowledgements[id] = true }
        let sent = account.acknowledgements.filter(\.value).keys.sorted()
        for id in sent.dropFirst(Self.acknowledgementsKeptMax) { account.acknowledgements[id] = nil }
      }
    }
  }

  // MARK: Without an account

  /// Introduces a new session to the server, so that the server knows when it began. Later it
  /// reports that the session is in use. A session with earlier days, for example from an import,
  /// is not introduced, because these days would not count any more.
  private func keepSession() async throws(ClientError) {
    let now = clock.now
    guard let session = try store.read({ state throws(ClientError) in state.session }) else { return }
    if session.isAnchored {
      guard now.milliseconds(since: session.keptAt) >= Self.keepSessionMilliseconds else { return }
      let bearer = "session." + Base64URL.encode(session.sessionID.bytes + session.secret)
      var isKnown = true
      do throws(ClientError) {
        _ = try await call(
          SessionServiceMethods.keepSession, KeepSessionRequest(), KeepSessionResponse.self, bearer: bearer)
      } catch {
        // The server has lost the session: nothing there knows its begin.
        guard error.reason == .sessionInvalid else { throw error }
        isKnown = false
      }
      try store.change { state throws(ClientError) in
        guard state.session?.sessionID == session.sessionID else { return }
        state.changeSession(now: now) { ($0.keptAt, $0.isAnchored) = (now, isKnown) }
      }
    } else if (0...AnonymousSession.introductionMilliseconds).contains(now.milliseconds(since: session.begunAt)),
      !session.losesDays(introducedOn: clock.localTime(at: now, dayStartMinutes: 0).day)
    {
      let request = StartSessionRequest(idempotencyKey: session.startKey)
      let response = try await call(SessionServiceMethods.startSession, request, StartSessionResponse.self)
      guard let sessionID = Identifier(response.sessionId), response.sessionSecret.count == 32 else { return }
      try store.change { state throws(ClientError) in
        // A session that is being migrated keeps the id under which it was sent.
        guard state.session?.sessionID == session.sessionID, state.pendingSignUp == nil, state.pendingMigration == nil
        else { return }
        state.changeSession(now: now) { kept in
          kept.sessionID = sessionID
          kept.secret = response.sessionSecret
          kept.isAnchored = true
          kept.keptAt = now
        }
      }
    }
  }

  // MARK: By itself

  /// Syncs until the task is cancelled: about every five minutes, at once after a tap on this
  /// device or a change on another one, and when the network returns; less and less often while it
  /// fails.
  public func run() async {
    let waits = try? store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }.map { $0.replica.isBehind } ?? true
    }
    // Devices that start together without changes are spread over the interval. A hint starts a
    // sync at once.
    if waits != false { wake() }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.keepSyncing() }
      group.addTask { await self.keepWatching() }
    }
  }

  /// The device is online again: earlier failures are ignored.
  public func networkReturned() {
    schedule.networkReturned(now: clock.monotonicMilliseconds)
    syncAlarm.ring()
    watchAlarm.ring()
  }

  private func keepSyncing() async {
    while !Task.isCancelled {
      if schedule.begin(now: clock.monotonicMilliseconds) {
        let succeeded: Bool
        do throws(ClientError) {
          try await sync()
          succeeded = true
        } catch {
          succeeded = false
        }
        hasFailed = !succeeded
        schedule.finish(succeeded: succeeded, now: clock.monotonicMilliseconds, random: .random(in: 0..<1))
        continue
      }
      guard let next = schedule.nextAtMilliseconds else { return }
      await syncAlarm.wait(milliseconds: max(0, next - clock.monotonicMilliseconds), clock)
    }
  }

  private func keepWatching() async {
    var backoff = ReconnectBackoff(
      minMilliseconds: Self.watchBackoffMilliseconds.min, maxMilliseconds: Self.watchBackoffMilliseconds.max)
    while !Task.isCancelled {
      if (try? await watch()) == true { backoff.reset() }
      let pause = Int64(clamping: backoff.nextDelayMilliseconds(random: .random(in: 0..<1)))
      if !Task.isCancelled { await watchAlarm.wait(milliseconds: pause, clock) }
    }
  }

  /// Reads hints until the stream ends.
  /// - Returns: Whether a stream was opened. When a stream ends with its token, the next one uses a
  ///   new token.
  private func watch() async throws(ClientError) -> Bool {
    guard let network, let userID = try store.read({ state throws(ClientError) in state.current }) else {
      throw .notPossible("No account is signed in.")
    }
    let bearer: String
    do throws(ClientError) { bearer = try await self.bearer(of: userID) } catch {
      try note(error, of: userID)
      throw error
    }
    let stream = network.open(SyncServiceMethods.watch, WatchRequest().protobufBytes(), bearer: bearer)
    watching = (userID, stream)
    defer { watching = nil }
    var hasReceived = false
    do throws(RPCStatus) {
      while let bytes = try await stream.next() {
        let hint = (try? WatchResponse(protobufBytes: bytes))?.cursor
        let own = try? store.read { state throws(ClientError) in state.accounts[userID]?.replica.cursor }
        // A stream that opens after a failure shows that the network is back.
        if !hasReceived, hasFailed { networkReturned() }
        hasReceived = true
        if let hint, StreakDomain.Cursor(hint).isOfSameState(as: own) { continue }
        wake()
      }
      return hasReceived
    } catch {
      let failure = ClientError(error)
      if failure == .signInNeeded {
        do throws(ClientError) { _ = try await refresh(bearer, of: userID) } catch {
          try note(error, of: userID)
          throw error
        }
        return hasReceived
      }
      try note(failure, of: userID)
      if hasReceived { return true }
      throw failure
    }
  }

  /// The current account has changed: hints for the earlier one are of no use.
  func currentHasChanged() {
    watching?.stream.cancel()
    watchAlarm.ring()
    wake()
  }
}

extension StreakDomain.Cursor {
  /// Only compares states: a hint's cursor is not used for a pull.
  fileprivate func isOfSameState(as other: StreakDomain.Cursor?) -> Bool {
    epoch == other?.epoch && changeNumber == other?.changeNumber
  }
}

internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Synchronizes the devices of one person. One per loop.
struct SyncHandlers: SyncService {
  let store: StreakStore
  let authenticator: Authenticator
  let calls: PersonCalls
  let subscriptions: LoopBound<ChangeSubscriptions>
  private let procedure: SyncProcedure

  init(
    store: StreakStore, authenticator: Authenticator, calls: PersonCalls, subscriptions: LoopBound<ChangeSubscriptions>
  ) {
    self.store = store
    self.calls = calls
    self.authenticator = authenticator
    self.subscriptions = subscriptions
    procedure = SyncProcedure(store: store)
  }

  func sync(_ request: SyncRequest, context: ServerContext) async throws(RPCStatus) -> SyncResponse {
    try await procedure.run(request, by: try context.user(), at: .now())
  }

  // MARK: Streams

  func watch(
    _ request: WatchRequest, responses: ResponseWriter<WatchResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    let principal = try context.user()
    limit(context, to: principal)
    let subscription = subscriptions.value.subscribe(principal.userID, deviceID: principal.deviceID, on: context.loop)
    defer { subscriptions.value.unsubscribe(subscription, principal.userID) }
    let secondLook = await beginWatch(subscription, on: context.loop)
    defer { endWatch(secondLook) }
    // Subscribed before this reading, so that every later change is notified.
    var published = try await head(of: principal)
    try await responses.write(hint(published))
    while true {
      var number = published
      switch await subscription.next() {
      case .changed(let changed): number = changed
      case .perhapsChanged: number = try await head(of: principal)
      case .credentialsChanged: try await authenticator.checkAgain(context)
      case .requestArrived: break
      case .ended: throw RPCStatus(.cancelled, "The caller gave up.")
      }
      guard number > published else { continue }
      published = number
      try await responses.write(hint(published))
    }
  }

  /// Milliseconds after which every other process has learned that devices watch through this one,
  /// and sends hints.
  private static let presenceMilliseconds: UInt64 = 1_000

  /// Asks other processes for hints.
  /// - Returns: Has the stream look for changes again, for those stored before the others knew;
  ///   nil: they have known.
  private func beginWatch(_ subscription: ChangeSubscription, on loop: EventLoop) async -> LoopTimer? {
    guard await store.beginWatch() else { return nil }
    return loop.schedule(afterMilliseconds: Self.presenceMilliseconds) { subscription.signal(.perhapsChanged) }
  }

  private func endWatch(_ secondLook: LoopTimer?) {
    secondLook?.cancel()
    store.endWatch()
  }

  private func head(of principal: Principal) async throws(RPCStatus) -> Int64 {
    try await mappingStoreErrors { () throws(StoreError) in try await store.head(of: principal.userID).changeNumber }
  }

  private func hint(_ changeNumber: Int64) -> WatchResponse {
    WatchResponse(cursor: Schema.Cursor(StreakDomain.Cursor(epoch: store.epoch, changeNumber: changeNumber)))
  }

  func syncStream(
    requests: RequestStream<SyncRequest>, responses: ResponseWriter<SyncResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    let principal = try context.user()
    limit(context, to: principal)
    let subscription = subscriptions.value.subscribe(principal.userID, deviceID: principal.deviceID, on: context.loop)
    defer { subscriptions.value.unsubscribe(subscription, principal.userID) }
    let secondLook = await beginWatch(subscription, on: context.loop)
    defer { endWatch(secondLook) }
    let inbox = LoopBound(RequestInbox(requests, subscription), loop: context.loop)
    Task(executorPreference: context.loop) { await inbox.value.fill() }
    defer { inbox.value.close() }

    // Nil until the first request is answered: until then it is unknown what the device has
    // received.
    var cursor: Schema.Cursor?
    var pageSize: Int32 = 0
    while true {
      switch await subscription.next() {
      case .requestArrived:
        guard let request = try inbox.value.take() else { return }
        // A request of a stream counts like a call.
        try calls.count(principal.userID, context)
        pageSize = request.pageSize
        var response = try await procedure.run(request, by: principal, at: .now())
        try await responses.write(response)
        while response.hasMore, let from = response.cursor {
          guard let more = try await procedure.pull(of: principal, from: from, pageSize: pageSize) else { break }
          response = more
          try await responses.write(response)
        }
        cursor = response.cursor
      case .changed, .perhapsChanged:
        while let from = cursor,
          let response = try await procedure.pull(of: principal, from: from, pageSize: pageSize)
        {
          try await responses.write(response)
          cursor = response.cursor
        }
      case .credentialsChanged: try await authenticator.checkAgain(context)
      case .ended: throw RPCStatus(.cancelled, "The caller gave up.")
      }
    }
  }

  /// A stream lives as long as its access token.
  private func limit(_ context: ServerContext, to principal: Principal) {
    guard let expiresAt = principal.tokenExpiresAt else { return }
    let left = expiresAt.milliseconds(since: .now())
    context.limitTime(milliseconds: UInt64(max(0, left)), Reason.credentialsInvalid.status)
  }

  // MARK: Notices and inbox

  func listNotices(
    _ request: ListNoticesRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListNoticesResponse {
    let principal = try context.user()
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let filter: [UInt8] = [request.includeAcknowledged ? 1 : 0]
    let size = request.pageSize == 0 ? StreakHandlers.pageSizeDefault : request.pageSize
    let place = try PageToken.place(request.pageToken, kind: .notices, filter: filter)
    let notices = try await mappingStoreErrors { () throws(StoreError) in
      try await store.notices(
        of: principal.userID, for: deviceID, includingAcknowledged: request.includeAcknowledged,
        after: place.map { NoticePlace(version: $0.number, noticeID: $0.id) } ?? .start, countMax: size + 1)
    }
    let shown = PageBytes.cut(notices, countMax: Int(size)) { $0.notice.textBytes }
    var token = ""
    if let last = shown.last, notices.count > shown.count {
      token = PageToken(number: last.notice.version, id: last.id).text(kind: .notices, filter: filter)
    }
    return ListNoticesResponse(notices: shown.map { Notice($0.id, $0.notice) }, nextPageToken: token)
  }

  func acknowledgeNotices(
    _ request: AcknowledgeNoticesRequest, context: ServerContext
  ) async throws(RPCStatus) -> AcknowledgeNoticesResponse {
    let principal = try context.user()
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let ids = request.noticeIds.compactMap { Identifier($0) }
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.acknowledge(ids, of: principal.userID, by: deviceID, at: .now())
    }
    return AcknowledgeNoticesResponse()
  }

  func listRejectedOperations(
    _ request: ListRejectedOperationsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListRejectedOperationsResponse {
    let principal = try context.user()
    let size = request.pageSize == 0 ? StreakHandlers.pageSizeDefault : request.pageSize
    let place = try PageToken.place(request.pageToken, kind: .inbox, filter: [])
    let rejected = try await mappingStoreErrors { () throws(StoreError) in
      try await store.rejectedOperations(
        of: principal.userID, after: place.map { InboxPlace(deviceID: $0.id, seq: $0.number) } ?? .start,
        countMax: size + 1)
    }
    let shown = PageBytes.cut(rejected, countMax: Int(size)) { $0.operation?.count ?? 0 }
    var token = ""
    if let last = shown.last, rejected.count > shown.count {
      token = PageToken(number: last.seq, id: last.deviceID).text(kind: .inbox, filter: [])
    }
    return ListRejectedOperationsResponse(operations: shown.map { Schema.RejectedOperation($0) }, nextPageToken: token)
  }
}

/// The requests of a stream, one at a time, for a handler that also waits for other events.
/// Loop-confined.
private final class RequestInbox {
  private enum Item {
    case request(SyncRequest)
    case end
    case failure(RPCStatus)
  }

  private let requests: RequestStream<SyncRequest>
  private let subscription: ChangeSubscription
  private var item: Item?
  private var isClosed = false
  /// The next request is read only once the one before was taken, so that flow control stops a
  /// client that sends faster.
  private var onTaken: CheckedContinuation<Void, Never>?

  init(_ requests: RequestStream<SyncRequest>, _ subscription: ChangeSubscription) {
    self.requests = requests
    self.subscription = subscription
  }

  /// Reads requests until the stream ends.
  func fill() async {
    while !isClosed {
      let isLast: Bool
      do throws(RPCStatus) {
        let request = try await requests.next()
        item = request.map { .request($0) } ?? .end
        isLast = request == nil
      } catch {
        item = .failure(error)
        isLast = true
      }
      subscription.signal(.requestArrived)
      guard !isLast, !isClosed else { return }
      await withCheckedContinuation { onTaken = $0 }
    }
  }

  /// The request that has arrived; nil after the last.
  func take() throws(RPCStatus) -> SyncRequest? {
    defer {
      item = nil
      onTaken?.resume()
      onTaken = nil
    }
    switch item {
    case .request(let request): return request
    case .failure(let status): throw status
    case .end, nil: return nil
    }
  }

  func close() {
    isClosed = true
    onTaken?.resume()
    onTaken = nil
  }
}

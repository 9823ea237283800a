internal import CLibpq
import EventLoop

extension PostgresConnection {
  /// Reads what arrived and acts on every complete result.
  func receive() {
    guard phase == .ready, let handle = unsafe handle else { return }
    lastProgressMilliseconds = loop.nowMilliseconds
    let isAlive = unsafe PQconsumeInput(handle) == 1
    if script == nil { takeResults() } else { takeScriptResults() }
    guard phase == .ready else { return }
    takeNotifications()
    if !isAlive { fail(errorMessage) }
  }

  private func takeResults() {
    while phase == .ready, let handle = unsafe handle, unsafe PQisBusy(handle) == 0, !pipeline.isEmpty {
      guard let result = unsafe PQgetResult(handle) else {
        act(pipeline.receive(.end))
        continue
      }
      unsafe take(QueryResult(owning: result))
    }
  }

  private func take(_ result: consuming QueryResult) {
    let event: Pipeline<DatabaseWork>.Event
    switch result.outcome {
    case .success: event = .success
    case .synced: event = .synced
    case .skipped: event = .skipped
    case .unsupported: event = .unsupported
    case .failure(let error, let isFatal):
      // A fatal error: the server is about to close the connection. The outcome of the statements
      // in flight is unknown.
      if isFatal { return end(with: error, result.failureText) }
      notice(error)
      event = .failure(error)
    }
    let action = pipeline.receive(event)
    if case .deliver(let work) = action {
      work.append(result)
    } else {
      act(action)
    }
  }

  private func act(_ action: Pipeline<DatabaseWork>.Action) {
    switch action {
    case .nothing, .deliver: break
    case .prepared(let statement):
      if let index = statement.index {
        preparedStatements[index].state = .prepared
        preparedStatements[index].failure = nil
      }
    case .prepareFailed(let statement, let error):
      if let index = statement.index { preparedStatements[index] = PreparedStatement(failure: error) }
      if case .rejected(.duplicateStatementName, _, _) = error { isRetiring = true }
    case .finished(let segment): owner.connection(self, finished: withReplicationOutcome(segment))
    case .violation: fail("an answer to no statement")
    }
  }

  /// Handles a server that closes the session. A pooler's message says nothing about the
  /// statements' outcome on the server.
  private func end(with error: DatabaseError, _ text: String) {
    if case .rejected(let state, _, _) = error {
      endedByServer = state.endsSession && !isPooled
      return fail("\(state): \(text)")
    }
    fail(text)
  }

  /// Updates the session's state after a refusal.
  private func notice(_ error: DatabaseError) {
    guard case .rejected(let state, _, _) = error else { return }
    if state == .readOnlyTransaction, readOnlySinceMilliseconds == nil {
      readOnlySinceMilliseconds = loop.nowMilliseconds
    }
  }

  /// Takes a notice, which the server sends besides its answers.
  func receive(_ notice: ServerNotice) {
    if notice.endsWaitForReplication { lostReplicationWait = notice.text }
    owner.connection(self, receivedNotice: notice.text)
  }

  private func withReplicationOutcome(_ segment: Pipeline<DatabaseWork>.Segment) -> Pipeline<DatabaseWork>.Segment {
    guard let text = lostReplicationWait else { return segment }
    lostReplicationWait = nil
    guard segment.failure == nil else { return segment }
    return Pipeline.Segment(works: segment.works, failure: .init(work: nil, error: .outcomeUnknown(reason: text)))
  }

  private func takeScriptResults() {
    while let handle = unsafe handle, unsafe PQisBusy(handle) == 0 {
      guard let result = unsafe PQgetResult(handle) else { return unsafe finishScript(handle) }
      let owned = unsafe QueryResult(owning: result)
      switch owned.outcome {
      case .success, .synced, .skipped: break
      case .unsupported: return fail("COPY in a script")
      case .failure(let error, let isFatal):
        if isFatal { return end(with: error, owned.failureText) }
        notice(error)
        if scriptFailure == nil { scriptFailure = error }
      }
    }
  }

  private func finishScript(_ handle: OpaquePointer) {
    let work = script
    let failure = scriptFailure
    script = nil
    scriptFailure = nil
    guard unsafe PQenterPipelineMode(handle) == 1 else {
      work?.finish(.unreachable(reason: errorMessage))
      return fail(errorMessage)
    }
    work?.finish(failure)
  }

  private func takeNotifications() {
    while let handle = unsafe handle, let notification = unsafe PQnotifies(handle) {
      defer { unsafe PQfreemem(notification) }
      guard let channel = unsafe notification.pointee.relname, let payload = unsafe notification.pointee.extra else {
        continue
      }
      owner.connection(
        self,
        received: PostgresNotification(
          channel: unsafe String(cString: channel), payload: unsafe String(cString: payload),
          processID: unsafe notification.pointee.be_pid))
    }
  }

  /// Replaces the server's "no such prepared statement" by the reason why it could not be prepared.
  func cause(of error: DatabaseError, in work: DatabaseWork) -> DatabaseError {
    guard case .rejected(.invalidStatementName, _, _) = error, let index = work.currentStatement?.index else {
      return error
    }
    if let failure = preparedStatements[index].failure { return failure }
    // It was prepared here and is unknown to the server: the session is not the one that was set
    // up.
    isRetiring = true
    return error
  }
}

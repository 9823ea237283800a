internal import CLibpq
import EventLoop

extension PostgresConnection {
  /// Sends the work's statements. The work ends with its segment, or here, unsent, if encoding
  /// fails.
  func submit(_ work: DatabaseWork) {
    do {
      // All steps are encoded before any is sent: a work must not be sent in part.
      for step in work.steps {
        try parameters.encode(step.parameters, bytesMax: configuration.statementBytesMax)
      }
    } catch { return work.finish(error) }
    if isIdle { lastProgressMilliseconds = loop.nowMilliseconds }
    for step in work.steps where !prepareIfNeeded(step) { fail(errorMessage) }
    if !work.sharesSync, openReads > 0 { sync() }
    // The connection broke before anything of this work was sent.
    guard phase == .ready else { return work.finish(.unreachable(reason: "the connection broke")) }
    for step in work.steps {
      pipeline.sent(.step(work))
      guard send(step, isEncoded: work.steps.count == 1) else { return fail(errorMessage) }
      statementsSent += 1
    }
    guard work.sharesSync else { return sync() }
    openReads += 1
    if openReads >= configuration.readsPerSyncMax {
      sync()
    } else if !endOfTurnIsAsked {
      endOfTurnIsAsked = true
      loop.atEndOfTurn(self)
    }
  }

  /// Ends the segment; libpq hands everything to the kernel here.
  func sync() {
    openReads = 0
    guard phase == .ready, let handle = unsafe handle else { return }
    guard unsafe PQpipelineSync(handle) == 1 else { return fail(errorMessage) }
    pipeline.sent(.sync)
    flush()
  }

  /// Writes what libpq has buffered; the rest follows when the descriptor becomes writable.
  func flush() {
    guard let handle = unsafe handle else { return }
    switch unsafe PQflush(handle) {
    case 0: watcher?.wait(for: .readable)
    case 1: watcher?.wait(for: [.readable, .writable])
    default:
      // Messages that the server sent before the connection broke may still be unread.
      receive()
      fail(errorMessage)
    }
  }

  /// Runs SQL text of any number of statements, with the simple protocol, which pipeline mode
  /// excludes.
  func runScript(_ text: String, _ work: DatabaseWork) {
    precondition(isIdle, "a script needs the connection for itself")
    guard let handle = unsafe handle, phase == .ready else {
      return work.finish(.unreachable(reason: "the connection broke"))
    }
    guard unsafe PQexitPipelineMode(handle) == 1, unsafe PQsendQuery(handle, text) == 1 else {
      work.finish(.unreachable(reason: errorMessage))
      return fail(errorMessage)
    }
    script = work
    lastProgressMilliseconds = loop.nowMilliseconds
    flush()
  }

  /// PREPARE has a segment of its own, so that other statements' errors cannot fail it.
  private func prepareIfNeeded(_ step: BoundStatement) -> Bool {
    guard let handle = unsafe handle else { return false }
    guard let index = step.statement.index else { return true }
    while preparedStatements.count <= index { preparedStatements.append(PreparedStatement()) }
    guard preparedStatements[index].state == .none else {
      checkTypes(step, preparedStatements[index].types)
      return true
    }
    if openReads > 0 { sync() }
    let types = step.parameters.map { Oid($0.type.rawValue) }
    guard
      unsafe PQsendPrepare(handle, step.statement.name, step.statement.text, Int32(types.count), types) == 1
    else { return false }
    preparedStatements[index].state = .preparing
    preparedStatements[index].types = types
    pipeline.sent(.prepare(step.statement))
    sync()
    return phase == .ready
  }

  private func checkTypes(_ step: BoundStatement, _ types: [Oid]) {
    precondition(
      types.count == step.parameters.count, "another number of parameters than before: \(step.statement.text)")
    for index in types.indices {
      precondition(
        types[index] == step.parameters[index].type.rawValue,
        "parameter \(index) has another type than before: \(step.statement.text)")
    }
  }

  private func send(_ step: BoundStatement, isEncoded: Bool) -> Bool {
    guard let handle = unsafe handle else { return false }
    // submit(_:) has checked that encoding succeeds.
    if !isEncoded { try? parameters.encode(step.parameters, bytesMax: configuration.statementBytesMax) }
    let statement = step.statement
    return unsafe parameters.withArrays { count, values, lengths, formats in
      if statement.index != nil {
        return unsafe PQsendQueryPrepared(handle, statement.name, count, values, lengths, formats, 1) == 1
      }
      return unsafe PQsendQueryParams(handle, statement.text, count, nil, values, lengths, formats, 1) == 1
    }
  }
}

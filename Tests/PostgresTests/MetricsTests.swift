import EventLoop
import Postgres
import Testing

@Suite("Pool metrics")
struct PoolMetricsTests {
  @Test("statements, failures and connections are counted, and a busy connection counts as busy")
  func counting() async throws {
    let connected = Signal()
    try await withDatabase(onEvent: { event in if case .connected = event { connected.send() } }) { database, _ in
      for _ in 0..<2 { await connected.wait() }
      let idle = await database.metrics()
      #expect(idle.connectionsMax == 2 && idle.connectionsOpen == 2 && idle.connectionsBusy == 0)
      #expect(idle.connectsSucceeded == 2 && idle.statementsSent == 0 && idle.failures.isEmpty)

      for _ in 0..<3 { _ = try await Common.ask(database) }
      _ = await databaseError { _ = try await database.run(Common.divide, .int64(0)) }
      // BEGIN, the statement, COMMIT; then a statement that fails the transaction, and ROLLBACK.
      let during = try await database.transaction { transaction throws(DatabaseError) in
        _ = try await transaction.run(Common.one)
        return await database.metrics()
      }
      #expect(during.connectionsBusy == 1)
      _ = await databaseError {
        try await database.transaction { transaction throws(DatabaseError) in
          _ = try await transaction.run(Common.divide, .int64(0))
        }
      }
      let used = await database.metrics()
      #expect(used.statementsSent == 3 + 1 + 3 + 3)
      #expect(used.failures == [.rejected: 2] && used.connectionsBusy == 0)
    }
  }

  @Test("the statements of a lost connection stay in the counts")
  func lost() async throws {
    try await withDatabase({
      $0.reconnectDelayMinMilliseconds = 1
      $0.connectionsPerLoop = 1
    }) { database, _ in
      _ = try await Common.ask(database)
      let process = try await database.run(Common.processID).one { row throws(DatabaseError) in try row.int32(0) }
      _ = await databaseError { _ = try await database.run(Common.terminate, .int32(process)) }
      while await database.metrics().connectsSucceeded < 2 { await Task.yield() }
      let metrics = await database.metrics()
      #expect(metrics.connectionsLost == 1 && metrics.statementsSent == 3 && metrics.connectionsOpen == 1)
      #expect(metrics.failures == [.unreachable: 1])
    }
  }

  @Test("calls that wait for an unreachable server are counted as waiting")
  func waiting() async throws {
    var configuration = try TestServer.configuration().withoutServer
    configuration.queueWaitMilliseconds = 3_600_000
    let thread = EventLoopThread()
    let loop = thread.loop
    let database = Database(configuration: configuration, loops: [loop])
    let statement = Task(executorPreference: loop) { await databaseError { _ = try await Common.ask(database) } }
    let transaction = Task(executorPreference: loop) {
      await databaseError {
        try await database.transaction { transaction throws(DatabaseError) in
          _ = try await transaction.run(Common.one)
        }
      }
    }
    while true {
      let metrics = await database.metrics()
      guard metrics.statementsWaiting == 1, metrics.transactionsWaiting == 1, metrics.connectsFailed > 0 else {
        await Task.yield()
        continue
      }
      #expect(metrics.connectionsOpen == 0 && metrics.connectionsMax == 2)
      break
    }
    statement.cancel()
    transaction.cancel()
    _ = await (statement.value, transaction.value)
    let ended = await database.metrics()
    #expect(ended.failures == [.cancelled: 2] && ended.statementsWaiting == 0)
    await database.close()
    thread.stopAndJoin()
  }
}

import EventLoop
@testable import Postgres
import Synchronization
import Testing

@Suite("Statements")
struct DatabaseTests {
  @Test("1,000 statements at once over 2 connections each get their own answer")
  func manyAtOnce() async throws {
    let answers = try await withDatabase { database, loop in
      try await withThrowingTaskGroup(of: (Int64, Int64).self) { group in
        for number in Int64(0)..<1_000 {
          group.addTask(executorPreference: loop) {
            (
              number,
              try await database.run(Common.echo, .int64(number)).one { row throws(DatabaseError) in try row.int64(0) }
            )
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }
    #expect(answers.count == 1_000)
    #expect(answers.allSatisfy { $0.0 == $0.1 })
  }

  @Test(
    "among 300 reads that share syncs, the failing ones fail alone",
    arguments: [Set([150]), [0, 1, 299], [7, 8, 9, 64]])
  func failuresStayAlone(zeros: Set<Int64>) async throws {
    let failed = try await withDatabase { database, loop in
      await withTaskGroup(of: (Int64, DatabaseError?, Int64?).self) { group in
        for number in Int64(0)..<300 {
          group.addTask(executorPreference: loop) {
            let divisor = zeros.contains(number) ? 0 : number + 1
            do throws(DatabaseError) {
              let result = try await database.run(Common.divide, .int64(divisor))
              return (number, nil, try result.one { row throws(DatabaseError) in try row.int64(0) })
            } catch { return (number, error, nil) }
          }
        }
        var failed: Set<Int64> = []
        for await (number, error, value) in group {
          if case .rejected(.divisionByZero, _, _) = error {
            failed.insert(number)
          } else {
            #expect(value == 100 / (number + 1))
          }
        }
        return failed
      }
    }
    #expect(failed == zeros)
  }

  private static let broken = Statement(.read, "select nothing from nowhere")

  @Test("a statement that cannot be prepared is rejected with its own reason, every time, and does not affect others")
  func brokenStatement() async throws {
    try await withDatabase { database, loop in
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<50 {
          group.addTask(executorPreference: loop) {
            if index.isMultiple(of: 2) {
              let error = await databaseError { _ = try await database.run(Self.broken) }
              guard case .rejected(.undefinedTable, _, _) = error else {
                Issue.record("\(String(describing: error))")
                return
              }
            } else {
              #expect(await databaseError { _ = try await database.run(Common.one) } == nil)
            }
          }
        }
      }
    }
  }

  private static let upsert = Statement(.write, "insert into batch_test values ($1) returning id")
  private static let count = Statement(.read, "select count(*) from batch_test")

  @Test("a batch takes effect as a whole or not at all, and names the constraint")
  func batches() async throws {
    try await withDatabase { database, _ in
      try await withTables(database, "create table batch_test (id int8 constraint batch_key primary key)") {
        var good = Batch()
        for id in Int64(1)...3 { good.append(Self.upsert, .int64(id)) }
        let answers = try await database.run(good)
        #expect(answers.count == 3)
        let third = try answers.with(2) { result throws(DatabaseError) in
          try result.one { row throws(DatabaseError) in try row.int64(0) }
        }
        #expect(third == 3)
        var bad = Batch()
        for id in [Int64(4), 5, 1, 6] { bad.append(Self.upsert, .int64(id)) }
        let error = await databaseError { _ = try await database.run(bad) }
        guard case .rejected(.uniqueViolation, "batch_key", _) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(try await database.run(Self.count).one { row throws(DatabaseError) in try row.int64(0) } == 3)
      }
    }
  }

  private static let deferred = Statement(.write, "insert into deferred_test values ($1)")

  @Test("a constraint that fails at the commit rejects the statement")
  func commitFails() async throws {
    try await withDatabase { database, _ in
      try await withTables(
        database, "create table deferred_test (id int8 constraint late unique deferrable initially deferred)"
      ) {
        _ = try await database.run(Self.deferred, .int64(1))
        let error = await databaseError { _ = try await database.run(Self.deferred, .int64(1)) }
        guard case .rejected(.uniqueViolation, "late", _) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(await databaseError { _ = try await database.run(Self.deferred, .int64(2)) } == nil)
      }
    }
  }

  @Test("a statement that runs too long is timed out; other statements on its connection are answered")
  func statementTimeout() async throws {
    try await withDatabase({ $0.statementTimeoutMilliseconds = 100 }) { database, loop in
      let neighbour = Task(executorPreference: loop) { try await Common.ask(database) }
      #expect(await databaseError { _ = try await database.run(Common.readSleep, .double(60)) } == .statementTimeout)
      do {
        let found = try await neighbour.value
        #expect(found == 1)
      }
      do {
        let found = try await Common.ask(database)
        #expect(found == 1)
      }
    }
  }

  private static let noText = Statement(.read, "select octet_length($1)")

  @Test("parameters up to the byte limit are sent; one byte more is refused")
  func statementBytes() async throws {
    try await withDatabase({ $0.statementBytesMax = 1_000_000 }) { database, _ in
      let fits = [UInt8](repeating: 7, count: 1_000_000)
      let length = try await database.run(Self.noText, .bytes(fits)).one { row throws(DatabaseError) in try row.int32(0)
      }
      #expect(length == 1_000_000)
      #expect(
        await databaseError { _ = try await database.run(Self.noText, .bytes(fits + [7])) }
          == .limitExceeded(.statementBytesMax))
    }
  }

  @Test("the queue takes as many statements as its limit, refuses one more, and drops expired ones")
  func queueLimit() async throws {
    try await withDatabase({
      $0 = $0.withoutServer
      $0.queuedStatementsMax = 8
      $0.queueWaitMilliseconds = 300
    }) { database, loop in
      let errors = await withTaskGroup(of: DatabaseError?.self) { group in
        for _ in 0..<9 {
          group.addTask(executorPreference: loop) { await databaseError { _ = try await database.run(Common.one) } }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(errors.count { $0 == .limitExceeded(.queuedStatementsMax) } == 1)
      #expect(errors.count { if case .unreachable = $0 { true } else { false } } == 8)
    }
  }

  @Test("a statement with a condition is sent if the condition holds when a connection is free")
  func condition() async throws {
    try await withDatabase({
      $0.connectionsPerLoop = 1
      $0.statementsInFlightPerConnectionMax = 1
    }) { database, loop in
      try await withTables(database, "create table condition_test (value int8)") {
        let insert = BoundStatement(
          statement: Statement(.write, "insert into condition_test values ($1)"), parameters: [.int64(1)])
        let count = Statement(.read, "select count(*) from condition_test")
        for holds in [true, false] {
          let asked = Mutex(0)
          // The only connection is occupied: the next statement waits.
          let before = Task(executorPreference: loop) {
            await databaseError { _ = try await database.run(Common.sleep, .double(0.05)) }
          }
          await Task.yield()
          let waiting = Task(executorPreference: loop) {
            await databaseError {
              _ = try await database.run(insert) {
                asked.withLock { $0 += 1 }
                return holds
              }
            }
          }
          await Task.yield()
          #expect(asked.withLock { $0 } == 0)
          #expect(await before.value == nil)
          #expect(await waiting.value == (holds ? nil : .superseded))
          #expect(asked.withLock { $0 } == 1)
          let found = try await database.run(count).one { row throws(DatabaseError) in try row.int64(0) }
          #expect(found == 1)
        }
      }
    }
  }

  @Test("a queued statement whose task is cancelled leaves the queue")
  func cancelQueued() async throws {
    try await withDatabase({
      $0 = $0.withoutServer
      $0.queuedStatementsMax = 1
      $0.queueWaitMilliseconds = 200
    }) { database, loop in
      let queued = Task(executorPreference: loop) { await databaseError { _ = try await database.run(Common.one) } }
      await Task.yield()
      queued.cancel()
      #expect(await queued.value == .cancelled)
      // There is room again: this one waits, and is not refused.
      let error = await databaseError { _ = try await database.run(Common.one) }
      guard case .unreachable = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }

  @Test("a cancelled task gets no answer, and its shared connection goes on")
  func cancelRunning() async throws {
    try await withDatabase({ $0.connectionsPerLoop = 1 }) { database, loop in
      _ = try await database.run(Common.one)
      let running = Task(executorPreference: loop) {
        await databaseError { _ = try await database.run(Common.sleep, .double(0.05)) }
      }
      await Task.yield()
      running.cancel()
      #expect(await running.value == .cancelled)
      do {
        let found = try await Common.ask(database)
        #expect(found == 1)
      }
    }
  }

  @Test("a connection string that is not one is an error without its text")
  func badConnectionString() {
    #expect(throws: PostgresConfigurationError.self) {
      try PostgresConfiguration(connectionString: "host=/tmp password='secret")
    }
    #expect(!PostgresConfigurationError().description.contains("secret"))
  }
}

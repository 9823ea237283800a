import EventLoop
import Postgres
import Testing

@Suite("Transactions", .serialized)
struct TransactionTests {
  private static let insert = Statement(.write, "insert into transaction_test values ($1)")
  private static let count = Statement(.read, "select count(*) from transaction_test")
  private static let table = "create table transaction_test (id int8 primary key)"

  private static func rows(_ database: Database) async throws -> Int64 {
    try await database.run(count).one { row throws(DatabaseError) in try row.int64(0) }
  }

  /// The tests of this suite share the table's name and so run one after the other.
  private func withTable(_ body: @escaping @Sendable (Database, EventLoop) async throws -> Void) async throws {
    try await withDatabase { database, loop in
      try await withTables(database, Self.table) { try await body(database, loop) }
    }
  }

  enum Refusal: DatabaseFailure, Equatable {
    case database(DatabaseError)
    case byBody

    init(database error: DatabaseError) { self = .database(error) }
  }

  @Test("its changes are there after it returns")
  func commits() async throws {
    try await withTable { database, _ in
      try await database.transaction { transaction throws(DatabaseError) in
        _ = try await transaction.run(Self.insert, .int64(1))
        _ = try await transaction.run(Self.insert, .int64(2))
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 2)
      }
    }
  }

  @Test("the last statements and the commit can share a round trip")
  func runAndCommit() async throws {
    try await withTable { database, _ in
      try await database.transaction { transaction throws(DatabaseError) in
        _ = try await transaction.run(Self.insert, .int64(1))
        var last = Batch()
        last.append(Self.insert, .int64(2))
        last.append(Self.insert, .int64(3))
        #expect(try await transaction.runAndCommit(last).count == 2)
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 3)
      }
    }
  }

  @Test("a thrown error undoes it")
  func thrownError() async throws {
    try await withTable { database, _ in
      do {
        try await database.transaction { transaction throws(Refusal) in
          do throws(DatabaseError) {
            _ = try await transaction.run(Self.insert, .int64(1))
          } catch { throw Refusal.database(error) }
          throw Refusal.byBody
        }
        Issue.record("nothing was thrown")
      } catch { #expect(error as? Refusal == .byBody) }
      do {
        let found = try await Self.rows(database)
        #expect(found == 0)
      }
    }
  }

  @Test("after an error that the body ignored, the commit is not reported as successful")
  func swallowedError() async throws {
    try await withTable { database, _ in
      let error = await databaseError {
        try await database.transaction { transaction throws(DatabaseError) in
          _ = try await transaction.run(Self.insert, .int64(1))
          _ = try? await transaction.run(Self.insert, .int64(1))
        }
      }
      guard case .rejected(.inFailedTransaction, _, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 0)
      }
      for _ in 0..<4 {
        let found = try await Common.ask(database)
        #expect(found == 1)
      }
    }
  }

  @Test("a cancelled task stops the running statement and rolls back")
  func cancelledTask() async throws {
    try await withTable { database, loop in
      let task = Task(executorPreference: loop) {
        await databaseError {
          try await database.transaction { transaction throws(DatabaseError) in
            _ = try await transaction.run(Self.insert, .int64(1))
            _ = try await transaction.run(Common.sleep, .double(3_600))
          }
        }
      }
      _ = try await Common.findSleeper(database)
      task.cancel()
      #expect(await task.value == .cancelled)
      do {
        let found = try await Self.rows(database)
        #expect(found == 0)
      }
    }
  }

  @Test("more transactions than connections take turns, and statements still find a connection")
  func takeTurns() async throws {
    try await withTable { database, loop in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for id in Int64(0)..<50 {
          group.addTask(executorPreference: loop) {
            try await database.transaction { transaction throws(DatabaseError) in
              _ = try await transaction.run(Self.insert, .int64(id))
              _ = try await database.run(Common.one)
            }
          }
        }
        try await group.waitForAll()
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 50)
      }
    }
  }

  @Test("waiting transactions are limited")
  func reservationLimit() async throws {
    try await withDatabase({
      $0.queuedTransactionsMax = 2
      $0.connectionsPerLoop = 1
    }) { database, loop in
      _ = try await database.run(Common.one)
      let errors = await withTaskGroup(of: DatabaseError?.self) { group in
        for _ in 0..<4 {  // 1 runs, 2 wait
          group.addTask(executorPreference: loop) {
            await databaseError {
              try await database.transaction { transaction throws(DatabaseError) in
                _ = try await transaction.run(Common.one)
              }
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(errors.count { $0 == .limitExceeded(.queuedTransactionsMax) } == 1)
      #expect(errors.count { $0 == nil } == 3)
    }
  }

  @Test("a script of several statements is part of the transaction; its error rolls all back")
  func script() async throws {
    try await withTable { database, _ in
      try await database.transaction { transaction throws(DatabaseError) in
        try await transaction.runScript(
          "insert into transaction_test values (1); insert into transaction_test values (2);")
        _ = try await transaction.run(Self.insert, .int64(3))
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 3)
      }
      let error = await databaseError {
        try await database.transaction { transaction throws(DatabaseError) in
          try await transaction.runScript("insert into transaction_test values (4); insert into nowhere values (5);")
        }
      }
      guard case .rejected(.undefinedTable, _, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      do {
        let found = try await Self.rows(database)
        #expect(found == 3)
      }
    }
  }

  private static let series = CursorStatement(
    "select n, repeat('x', 100) from generate_series(1, $1::int8) n", rowsPerChunk: 1_000)

  @Test("100,000 rows are read in chunks, twice")
  func chunks() async throws {
    try await withDatabase { database, _ in
      for _ in 0..<2 {
        let (total, largest) = try await database.transaction(.snapshot) { transaction throws(DatabaseError) in
          try await transaction.open(Self.series, .int64(100_000))
          var total: Int64 = 0
          var largest = 0
          while true {
            let chunk = try await transaction.nextChunk(Self.series)
            guard chunk.rowCount > 0 else { break }
            largest = max(largest, chunk.rowCount)
            total += try chunk.map { row throws(DatabaseError) in try row.int64(0) }.reduce(0, +)
          }
          try await transaction.close(Self.series)
          return (total, largest)
        }
        #expect(total == 100_000 * 100_001 / 2)
        #expect(largest == 1_000)
      }
    }
  }
}

import EventLoop
import Glibc
import Postgres
import Testing

// Serialized: a process cancels one silent session's statement at a time.
@Suite("Broken links", .serialized)
struct BrokenLinkTests {
  /// Runs `body`, and ends the server process once its statement sleeps there.
  private func interrupt(
    _ body: @escaping @Sendable (Database) async throws -> Void
  ) async throws -> DatabaseError? {
    let connected = Signal()
    return try await withDatabase(
      { $0.reconnectDelayMinMilliseconds = 1 },
      onEvent: { event in if case .connected = event { connected.send() } }
    ) { database, loop in
      // Both connections, so that the query for the sleeping process is not queued behind the
      // sleeping statement.
      for _ in 0..<2 { await connected.wait() }
      let task = Task(executorPreference: loop) { await databaseError { try await body(database) } }
      let processID = try await Common.findSleeper(database)
      _ = try await database.run(Common.terminate, .int32(processID))
      let error = await task.value
      for _ in 0..<20 {
        let found = try await Common.ask(database)
        #expect(found == 1)
      }
      return error
    }
  }

  @Test("a write without an answer took no effect if the server ended the session, and the pool recovers")
  func endedWrite() async throws {
    let error = try await interrupt { _ = try await $0.run(Common.sleep, .double(3_600)) }
    guard case .unreachable(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.hasPrefix("57P01: "))
  }

  @Test("a transaction whose server process dies before its commit took no effect")
  func killedTransaction() async throws {
    let error = try await interrupt {
      try await $0.transaction { transaction throws(DatabaseError) in
        _ = try await transaction.run(Common.sleep, .double(3_600))
      }
    }
    guard case .unreachable = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("a session whose server is silent for too long is closed, and its statement is cancelled")
  func silent() async throws {
    try await withDatabase({
      $0.statementTimeoutMilliseconds = 100
      $0.answerGraceMilliseconds = 100
      // So that the server does not stop it by itself.
      $0.serverSettings = [(name: "statement_timeout", value: "0")]
    }) { database, _ in
      let error = await databaseError { _ = try await database.run(Common.sleep, .double(3_600)) }
      guard case .outcomeUnknown = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      var sleeping = 1
      while sleeping > 0 { sleeping = try await database.run(Common.sleepers).rowCount }
    }
  }

  @Test("a silent session is closed also if the request to cancel its statement cannot be sent")
  func silentAndGone() async throws {
    let configuration = try TestServer.configuration()
    let folder = "/tmp/streakd-test-\(UInt64.random(in: 0...UInt64.max))"
    #expect(mkdir(folder, 0o755) == 0)
    let name = "\(folder)/\(configuration.socketName)"
    let target = try #require(configuration.socketPath, "the test server must be on a unix socket")
    #expect(symlink(target, name) == 0)
    defer {
      unlink(name)
      rmdir(folder)
    }
    let (connected, failed) = (Signal(), Signal())
    try await withDatabase(
      {
        $0 = $0.replacing(host: folder)
        $0.connectionsPerLoop = 1
        $0.statementTimeoutMilliseconds = 100
        $0.answerGraceMilliseconds = 100
        $0.serverSettings = [(name: "statement_timeout", value: "0")]
        $0.reconnectDelayMaxMilliseconds = 50
      },
      onEvent: { event in
        if case .connected = event { connected.send() }
        if case .connectFailed = event { failed.send() }
      }
    ) { database, _ in
      await connected.wait()
      // Given: nothing answers at the server's address any more.
      unlink(name)
      // When: the server is silent.
      let error = await databaseError { _ = try await database.run(Common.sleep, .double(2)) }
      // Then: the call ends, and so does the process's attempt to cancel, before the pool goes on.
      guard case .outcomeUnknown = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      for _ in 0..<3 { await failed.wait() }
      #expect(symlink(target, name) == 0)
      let found = try await Common.ask(database)
      #expect(found == 1)
    }
  }

  private static let shortSleep = Statement(.read, "select pg_sleep(0.5), 7::int4")

  @Test("a read whose server process dies is run again")
  func killedRead() async throws {
    let error = try await interrupt {
      let answer = try await $0.run(Self.shortSleep).one { row throws(DatabaseError) in try row.int32(1) }
      #expect(answer == 7)
    }
    #expect(error == nil)
  }

  @Test("statements wait for a server that starts later")
  func comesUpLater() async throws {
    let configuration = try TestServer.configuration()
    let folder = "/tmp/streakd-test-\(getpid())"
    #expect(mkdir(folder, 0o755) == 0)
    defer {
      unlink("\(folder)/\(configuration.socketName)")
      rmdir(folder)
    }
    let failed = Signal()
    try await withDatabase(
      {
        $0 = $0.replacing(host: folder)
        $0.reconnectDelayMaxMilliseconds = 50
      },
      onEvent: { event in
        if case .connectFailed = event { failed.send() }
      }
    ) { database, loop in
      async let answer = Common.ask(database)
      await failed.wait()
      let target = try #require(configuration.socketPath, "the test server must be on a unix socket")
      #expect(symlink(target, "\(folder)/\(configuration.socketName)") == 0)
      do {
        let found = try await answer
        #expect(found == 1)
      }
    }
  }

  @Test("after close every call is refused, and earlier calls were answered")
  func close() async throws {
    try await withDatabase { database, loop in
      _ = try await database.run(Common.one)
      async let running = Common.rest(database)
      await Task.yield()
      await database.close()
      do {
        let found = try await running
        #expect(found == 1)
      }
      let error = await databaseError { _ = try await database.run(Common.one) }
      guard case .unreachable = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
  }
}

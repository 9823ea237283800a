@testable import Postgres
import Testing

@Suite("The meaning of a refusal")
struct SQLStateTests {
  @Test(
    "classes of refusals that may not occur on another server or later",
    arguments: [
      "25006", "53000", "53100", "53200", "53300", "53400", "57P01", "57P02", "57P03", "57P04", "57P05", "08006",
      "08P01",
      "58030", "26000", "42P05",
    ])
  func elsewhereOrLater(state: String) { #expect(SQLState(rawValue: state).isElsewhereOrLater) }

  @Test(
    "refusals that repeat on every server",
    arguments: ["22P05", "22021", "23505", "23514", "42P01", "42501", "42703", "XX000", "XX001", "25P02", "40001", ""])
  func final(state: String) { #expect(!SQLState(rawValue: state).isElsewhereOrLater) }

  @Test("a session that cannot write refuses writes, serves reads, and is replaced")
  func readOnly() async throws {
    let events = EventList()
    let isReadOnly = ReadOnlySwitch()
    try await withDatabase(
      {
        $0.connectionsPerLoop = 1
        $0.readOnlyRecheckMilliseconds = 100
        $0.admit = { new throws(DatabaseError) in
          // The server's setting cannot be changed for one test alone.
          if isReadOnly.isOn { _ = try await new.run(ReadOnlySwitch.turnOn) }
        }
      }, onEvent: { events.append($0) }
    ) { database, _ in
      try await withTables(database, "create table read_only_test (x int4)") {
        isReadOnly.isOn = true
        _ = try await database.run(ReadOnlySwitch.turnOn)
        let insert = Statement(.write, "insert into read_only_test values (1)")
        let error = await databaseError { _ = try await database.run(insert) }
        guard case .rejected(.readOnlyTransaction, _, _) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        let found = try await Common.ask(database)
        #expect(found == 1)
        isReadOnly.isOn = false
        // The pool replaces the connection by itself; until then the connection refuses writes.
        while await databaseError({ _ = try await database.run(insert) }) != nil {}
      }
    }
    let failed = events.all.compactMap { event -> String? in
      if case .failed(.rejected(.readOnlyTransaction, _, _), let statement) = event { statement } else { nil }
    }
    let label = try #require(failed.first)
    #expect(
      label.hasPrefix("PostgresTests/SQLStateTests.swift:")
        && label.hasSuffix("(insert into read_only_test values (1))"))
    let lost = events.all.contains { if case .connectionLost = $0 { true } else { false } }
    #expect(!lost)
  }

  @Test("a session that has lost prepared statements is replaced, and nothing of the statement took effect")
  func lostSession() async throws {
    let deallocate = Statement(.write, "deallocate all")
    try await withDatabase({ $0.connectionsPerLoop = 1 }) { database, _ in
      let before = try await Common.ask(database)
      #expect(before == 1)
      _ = try await database.run(deallocate)
      let error = await databaseError { _ = try await Common.ask(database) }
      guard case .rejected(let state, _, _) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(state == .invalidStatementName && state.isElsewhereOrLater)
      let after = try await Common.ask(database)
      #expect(after == 1)
    }
  }

  @Test("details of refused data stay out of errors: they contain users' rows")
  func details() async throws {
    try await withDatabase { database, _ in
      try await withTables(database, "create table detail_test (email text check (length(email) > 100))") {
        let insert = Statement(.write, "insert into detail_test values ($1)")
        let error = await databaseError { _ = try await database.run(insert, .string("mira@example.org")) }
        guard case .rejected(.checkViolation, _, let message) = error else {
          Issue.record("\(String(describing: error))")
          return
        }
        #expect(!message.contains("mira"))
      }
    }
  }
}

private final class ReadOnlySwitch: Sendable {
  static let turnOn = Statement(.write, "set default_transaction_read_only = on")
  private let state = Counter.Flag()

  var isOn: Bool {
    get { state.isSet }
    set { state.isSet = newValue }
  }
}

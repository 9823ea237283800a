@testable import Postgres
import Testing

@Suite("Which database a connection leads to")
struct IdentityTests {
  private func identity(_ timeline: UInt32, system: UInt64 = 7) -> DatabaseIdentity {
    DatabaseIdentity(systemIdentifier: system, timeline: timeline)
  }

  @Test("the first database is the one in use, and a newer timeline of it replaces it")
  func adopts() {
    var identityGuard = IdentityGuard()
    #expect(identityGuard.known == nil)
    #expect(identityGuard.judge(identity(3)) == .first)
    #expect(identityGuard.judge(identity(3)) == .known)
    #expect(identityGuard.judge(identity(5)) == .newerTimeline)
    #expect(identityGuard.judge(identity(5)) == .known)
    #expect(identityGuard.known == identity(5))
  }

  @Test("an older timeline and another system are refused and change nothing")
  func refuses() {
    var identityGuard = IdentityGuard()
    _ = identityGuard.judge(identity(2))
    #expect(identityGuard.judge(identity(1)) == .refused(.olderTimeline(found: identity(1), known: identity(2))))
    for timeline: UInt32 in [1, 2, 3] {
      let other = identity(timeline, system: 8)
      #expect(identityGuard.judge(other) == .refused(.otherSystem(found: other, known: identity(2))))
    }
    #expect(identityGuard.known == identity(2))
  }

  @Test(
    "connections from before a newer timeline are retired; a refused server is named until its identity matches again")
  func known() throws {
    let known = KnownDatabase()
    let first = try known.accept(identity(1), server: "a:1")
    #expect(first == known.generation)
    #expect(try known.accept(identity(1), server: "b:1") == first)
    let second = try known.accept(identity(2), server: "b:1")
    #expect(second == known.generation && second != first)
    #expect(throws: IdentityRefusal.self) { try known.accept(identity(1), server: "a:1") }
    #expect(known.refusals.count == 1)
    #expect(known.refusals[0].contains("a:1 is not used: an old primary: its timeline is 1"))
    #expect(try known.accept(identity(2), server: "a:1") == second)
    #expect(known.refusals == [])
  }

  @Test("a connection that retires the others stays itself")
  func retiresOthers() throws {
    let known = KnownDatabase()
    let earlier = try known.accept(identity(1), server: "a:1")
    let kept = known.renewOtherConnections()
    #expect(kept == known.generation && kept != earlier)
    #expect(try known.accept(identity(1), server: "a:1") == kept)
  }

  @Test("the refusals of a limited number of servers are kept")
  func bounded() throws {
    let known = KnownDatabase()
    _ = try known.accept(identity(2), server: "good:1")
    for index in 0...KnownDatabase.refusalsMax {
      #expect(throws: IdentityRefusal.self) { try known.accept(identity(1), server: "old\(index):1") }
    }
    #expect(known.refusals.count == KnownDatabase.refusalsMax)
  }

  @Test("the server's answer is parsed, and missing values are nil")
  func facts() throws {
    let facts = try #require(ServerFacts(["17", "UTF8", "on", "7713499380379967179", "2"]))
    #expect(facts.backendProcessID == 17 && facts.encoding == "UTF8" && facts.isReadOnly)
    #expect(facts.identity == DatabaseIdentity(systemIdentifier: 7_713_499_380_379_967_179, timeline: 2))
    #expect(try #require(ServerFacts(["17", "UTF8", "off", nil, nil])).identity == nil)
    #expect(ServerFacts(["x", "UTF8", "off", nil, nil]) == nil)
    #expect(ServerFacts([]) == nil)
  }

  @Test("a real server reports its identity to a role without rights, and the settings are those of the configuration")
  func real() async throws {
    let events = EventList()
    try await withDatabase(
      {
        $0.statementTimeoutMilliseconds = 4_321
        $0.serverSettings = [(name: "application_name", value: "it's me")]
      }, onEvent: { events.append($0) }
    ) { database, _ in
      let settings = Statement(
        .read, "select current_setting('statement_timeout'), current_setting('application_name')")
      let found = try await database.run(settings).one { row throws(DatabaseError) in
        (try row.string(0), try row.string(1))
      }
      #expect(found == ("4321ms", "it's me"))
    }
    let identity = events.all.compactMap { if case .connected(_, let identity, _) = $0 { identity } else { nil } }.first
    #expect(try #require(identity).timeline == 1)
    #expect(try #require(identity).systemIdentifier > 0)
  }

  @Test("a server with another system identifier than the known one is not used, and the error says so")
  func otherSystem() async throws {
    let known = KnownDatabase()
    _ = try known.accept(identity(1), server: "elsewhere:1")
    let failed = Signal()
    let events = EventList()
    try await withDatabase(
      { $0.knownDatabase = known },
      onEvent: { event in
        events.append(event)
        if case .connectFailed = event { failed.send() }
      }
    ) { _, _ in await failed.wait() }
    let reasons = events.all.compactMap { if case .connectFailed(let reason, _) = $0 { reason } else { nil } }
    #expect(try #require(reasons.first).contains("another database: its system identifier is"))
    #expect(known.refusals.count == 1)
  }

  @Test("connections are replaced when another timeline comes into use")
  func renewed() async throws {
    let known = KnownDatabase()
    let events = EventList()
    try await withDatabase(
      {
        $0.knownDatabase = known
        $0.connectionsPerLoop = 1
        $0.reconnectDelayMinMilliseconds = 1
      }, onEvent: { events.append($0) }
    ) { database, _ in
      let processID = Statement(.read, "select pg_backend_pid()")
      let before = try await database.run(processID).one { row throws(DatabaseError) in try row.int32(0) }
      known.renewConnections()
      let after = try await database.run(processID).one { row throws(DatabaseError) in try row.int32(0) }
      #expect(before != after)
    }
    #expect(events.all.contains { if case .connectionLost = $0 { true } else { false } })
  }

  @Test("a connection that is not admitted is not used")
  func admission() async throws {
    let count = Counter()
    try await withDatabase({
      $0.connectionsPerLoop = 1
      $0.reconnectDelayMinMilliseconds = 1
      $0.admit = { new throws(DatabaseError) in
        let one = try await new.run(Common.one).one { row throws(DatabaseError) in try row.int32(0) }
        guard count.next() > 2 else { throw .unreachable(reason: "not yet: \(one)") }
      }
    }) { database, _ in
      let found = try await Common.ask(database)
      #expect(found == 1)
      #expect(count.value == 3)
    }
  }
}

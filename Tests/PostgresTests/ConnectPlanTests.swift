import EventLoop
@testable import Postgres
import TestSupport
import Testing

@Suite("Several servers in one connection string")
struct ConnectPlanTests {
  private func hosts(_ host: String?, _ address: String? = nil, _ port: String? = nil) -> [ServerHost]? {
    ServerHost.list(host: host, address: address, port: port)
  }

  @Test("the lists are split as libpq splits them")
  func lists() {
    #expect(hosts(nil) == [ServerHost()])
    #expect(hosts("a,b") == [ServerHost(host: "a"), ServerHost(host: "b")])
    #expect(hosts("a,b", nil, "1") == [ServerHost(host: "a", port: "1"), ServerHost(host: "b", port: "1")])
    #expect(hosts("a,b", nil, "1,2") == [ServerHost(host: "a", port: "1"), ServerHost(host: "b", port: "2")])
    #expect(hosts("a,,/tmp", nil, ",5,")?.map(\.port) == [nil, "5", nil])
    #expect(hosts("a,b", "1.1.1.1,2.2.2.2")?.map(\.address) == ["1.1.1.1", "2.2.2.2"])
    #expect(hosts(nil, "1.1.1.1") == [ServerHost(address: "1.1.1.1")])
    #expect(hosts("a,b", nil, "1,2,3") == nil)
    #expect(hosts("a", "1.1.1.1,2.2.2.2") == nil)
  }

  @Test("only names are looked up")
  func lookup() {
    #expect(ServerHost(host: "db.example").needsLookup)
    #expect(!ServerHost(host: "/run/postgresql").needsLookup)
    #expect(!ServerHost(host: "@abstract").needsLookup)
    #expect(!ServerHost(host: "db.example", address: "1.1.1.1").needsLookup)
    #expect(!ServerHost().needsLookup)
  }

  /// Walks through a plan. `answers` has, for each server, whether its session can write; nil: the
  /// attempt fails.
  private func walk(_ plan: inout ConnectPlan, _ answers: [String: Bool]) -> [String] {
    var log: [String] = []
    while log.count < 100 {
      switch plan.next() {
      case .exhausted: return log + ["exhausted"]
      case .lookUp(let host): plan.found(addresses: ["\(host.host ?? "")-1", "\(host.host ?? "")-2"])
      case .connect(let attempt):
        let name = attempt.address ?? attempt.host.host ?? ""
        log.append("\(name) \(attempt.targetSessionAttributes)")
        guard let canWrite = answers[name] else { continue }
        if canWrite || attempt.acceptsReadOnly { return log }
        plan.refusedReadOnly()
      }
    }
    return log
  }

  private func plan(_ hosts: String, _ attributes: String? = nil) -> ConnectPlan {
    ConnectPlan(hosts: ServerHost.list(host: hosts, address: nil, port: nil) ?? [], targetSessionAttributes: attributes)
  }

  @Test("every address of every host gets its own attempt, in order")
  func order() {
    var plan = plan("a,/b")
    #expect(walk(&plan, [:]) == ["a-1 any", "a-2 any", "/b any", "exhausted"])
  }

  @Test("without target_session_attrs a writable server is preferred, and a read-only one is better than none")
  func prefersWritable() {
    var plan1 = plan("/a,/b")
    #expect(walk(&plan1, ["/a": false, "/b": true]) == ["/a any", "/b any"])
    var plan2 = plan("/a,/b")
    #expect(walk(&plan2, ["/a": false, "/b": false]) == ["/a any", "/b any", "/a any"])
    var plan3 = plan("/a,/b")
    #expect(walk(&plan3, ["/b": false]) == ["/a any", "/b any"])
    var plan4 = plan("/a")
    #expect(walk(&plan4, ["/a": false]) == ["/a any"])
  }

  @Test("libpq checks target_session_attrs; prefer-standby makes two passes through the servers")
  func attributes() {
    var plan1 = plan("/a,/b", "read-write")
    #expect(walk(&plan1, [:]) == ["/a read-write", "/b read-write", "exhausted"])
    var plan2 = plan("/a,/b", "any")
    #expect(walk(&plan2, ["/a": false, "/b": true]) == ["/a any"])
    var plan3 = plan("/a,/b", "prefer-standby")
    #expect(walk(&plan3, [:]) == ["/a standby", "/b standby", "/a any", "/b any", "exhausted"])
  }

  @Test("of a name's addresses, the limit's number is tried and no more", arguments: [16, 17])
  func addresses(count: Int) {
    var plan = plan("a")
    guard case .lookUp = plan.next() else {
      Issue.record("the name is not looked up")
      return
    }
    plan.found(addresses: (0..<count).map { "\($0)" })
    var tried = 0
    while case .connect = plan.next() { tried += 1 }
    #expect(tried == ConnectPlan.addressesPerHostMax)
  }

  @Test("connect_timeout has libpq's meaning: seconds, 1 means 2, and our own limit for other values")
  func timeout() throws {
    for (text, milliseconds) in [
      ("7", 7_000), ("1", 2_000), ("0", 5_000), ("-1", 5_000), ("x", 5_000), ("3600", 3_600_000), ("3601", 5_000),
    ] {
      let configuration = try PostgresConfiguration(connectionString: "host=a connect_timeout=\(text)")
      #expect(configuration.attemptMilliseconds == UInt64(milliseconds), "\(text)")
    }
    #expect(try PostgresConfiguration(connectionString: "host=a").attemptMilliseconds == 5_000)
  }

  @Test("a first host that accepts connections and never answers costs its connect_timeout, then the second one serves")
  func silentHost() async throws {
    let silent = try #require(SilentServer())
    let base = try TestServer.configuration()
    let path = try #require(base.socketPath, "the test server must be on a unix socket")
    let folder = String(path.dropLast(base.socketName.count + 1))
    let port = base.socketName.split(separator: ".").last.map(String.init) ?? "5432"
    let others = base.parameters.filter { !["host", "port"].contains($0.keyword) }
      .map { "\($0.keyword)='\($0.value)'" }.joined(separator: " ")
    let text = "host=127.0.0.1,\(folder) port=\(silent.port),\(port) connect_timeout=1 \(others)"
    let configuration = try PostgresConfiguration(connectionString: text)
    let events = EventList()
    try await withDatabase(
      {
        $0 = configuration
        $0.connectionsPerLoop = 1
      }, onEvent: { events.append($0) }
    ) { database, loop in
      let began = loop.nowMilliseconds
      let found = try await Common.ask(database)
      #expect(found == 1)
      let took = loop.nowMilliseconds - began
      #expect((2_000..<5_000).contains(took))
    }
    #expect(!events.all.contains { if case .connectFailed = $0 { true } else { false } })
  }

  @Test("of unreachable servers, the limit's number is named and no more", arguments: [8, 9])
  func reasonsBound(count: Int) async throws {
    let failed = Signal()
    let events = EventList()
    let folders = (0..<count).map { "/nonexistent\($0)" }.joined(separator: ",")
    let configuration = try PostgresConfiguration(connectionString: "host=\(folders)")
    try await withDatabase(
      {
        $0 = configuration
        $0.connectionsPerLoop = 1
      },
      onEvent: { event in
        events.append(event)
        if case .connectFailed = event { failed.send() }
      }
    ) { _, _ in await failed.wait() }
    let reasons = events.all.compactMap { if case .connectFailed(let reason, _) = $0 { reason } else { nil } }
    let named = try #require(reasons.first).split(separator: ";").count { $0.contains("/nonexistent") }
    #expect(named == PostgresConnection.attemptFailuresMax)
  }

  @Test("if no server can be reached the reason names each of them")
  func reasons() async throws {
    let silent = try #require(SilentServer())
    let events = EventList()
    try await withDatabase(
      {
        guard let all = try? PostgresConfiguration(connectionString: "host=127.0.0.1,/nonexistent port=\(silent.port)")
        else { return }
        $0 = all
        $0.connectionsPerLoop = 1
        $0.connectTimeoutMilliseconds = 50
        $0.queueWaitMilliseconds = 1_000
      }, onEvent: { events.append($0) }
    ) { database, _ in
      let error = await databaseError { _ = try await Common.ask(database) }
      guard case .unreachable(let reason) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("127.0.0.1:\(silent.port) gave no answer within 50 ms"))
      #expect(reason.contains("/nonexistent"))
      #expect(!reason.contains("\n"))
    }
  }
}

import EventLoop
import RPC
import Schema
@testable import StreakServices
import Synchronization
import Testing

struct LimitTests {
  @Test("every method that leaves audit events has a limit, so that nothing fills the trail")
  func auditedMethodsAreLimited() {
    let audited = SchemaCatalog.methods.filter(\.policy.isAudited)
    #expect(audited.count >= 20)
    for method in audited {
      let limit = method.policy.rateLimit
      // An address stands for each caller, also for one that no account is known of.
      #expect(limit?.perAddress != nil, "\(method.path)")
      if method.policy.authentication == .user { #expect(limit?.perPerson != nil, "\(method.path)") }
    }
  }

  @Test(
    "a range contains the addresses with its first bits",
    arguments: [
      ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.0", false), ("192.0.2.1", "192.0.2.1", true),
      ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
      ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
      ("127.0.0.1", "::ffff:127.0.0.1", true),
    ])
  func ranges(range: String, address: String, isInside: Bool) throws {
    let bytes = try #require(SocketAddress(host: address, port: 0)).addressBytes
    #expect(try #require(AddressRange(range)).contains(bytes) == isInside)
  }

  @Test(
    "a malformed range is refused", arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "::1/129", "host", "10.0.0.0/", "/8"])
  func noRange(text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(
    "the client is the rightmost address that is not a trusted proxy's, with any addresses to its left",
    arguments: [
      (["203.0.113.9"], "203.0.113.9"), (["198.51.100.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
      (["198.51.100.1", "203.0.113.9"], "203.0.113.9"), (["10.1.1.1, 10.0.0.7"], "10.1.1.1"),
      (["203.0.113.9:4711"], "203.0.113.9"), (["[2001:db8::5]:443, 10.0.0.7"], "2001:db8::5"),
      (["203.0.113.9, unknown, 10.0.0.7"], "10.0.0.7"), (["nonsense"], nil), ([""], nil), ([], nil),
    ])
  func forwarded(values: [String], client: String?) {
    var settings = RateLimitSettings()
    settings.trustedProxies = [AddressRange("10.0.0.0/8")].compactMap { $0 }
    #expect(ClientAddresses(settings: settings).client(forwardedFor: values)?.host == client)
  }

  @Test("a second's calls are admitted at once, one more is not, and others' are; later there is room again")
  func shedding() {
    let shedder = LoadShedder<Int>(callsPerSecondMax: 100)
    for _ in 0..<100 { #expect(shedder.admits(1, atMilliseconds: 5000)) }
    #expect(!shedder.admits(1, atMilliseconds: 5000))
    #expect(shedder.admits(2, atMilliseconds: 5000))
    #expect(shedder.admits(1, atMilliseconds: 5010) && !shedder.admits(1, atMilliseconds: 5010))
    #expect(LoadShedder<Int>(callsPerSecondMax: 0).admits(1, atMilliseconds: 0))
  }

  @Test("the records of callers and refusals are bounded")
  func bounded() {
    let shedder = LoadShedder<Int>(callsPerSecondMax: 1)
    var refusals = RecentRefusals()
    for number in 0..<40_000 {
      _ = shedder.admits(number, atMilliseconds: 0)
      refusals.note(Array("\(number)".utf8), untilMilliseconds: 10, atMilliseconds: 0)
    }
    #expect(shedder.count <= 2 * LoadShedder<Int>.callersPerGenerationMax)
    #expect(refusals.count <= 2 * RecentRefusals.namesPerGenerationMax)
  }

  @Test("as much large work waits on a loop as the limit, one more is refused, and each gets its turn in order")
  func largeWork() async throws {
    let thread = EventLoopThread()
    defer { thread.stopAndJoin() }
    let loop = thread.loop
    let meter = LimitMeter()
    let order = Order()
    try await Task(executorPreference: loop) {
      let work = LargeWork(loop: loop, meter: meter)
      try await work.takeTurn(isLarge: true)
      let waiting = (0..<LargeWork.waitingMax).map { number in
        Task(executorPreference: loop) {
          try await work.takeTurn(isLarge: true)
          order.add(number)
          work.endTurn(isLarge: true)
        }
      }
      // Begins after those before it: a loop runs its jobs in order.
      let refusal = await Task(executorPreference: loop) { () -> RPCStatus? in
        do throws(RPCStatus) {
          try await work.takeTurn(isLarge: true)
          return nil
        } catch {
          return error
        }
      }.value
      #expect(refusal?.code == .resourceExhausted && meter.current[.captures] == 1)
      // Small work waits for none of it.
      try await work.takeTurn(isLarge: false)
      work.endTurn(isLarge: true)
      for task in waiting { try await task.value }
      #expect(order.numbers == Array(0..<LargeWork.waitingMax) && LargeWork.waitingMax == 256)
      // And there is room again.
      try await work.takeTurn(isLarge: true)
      work.endTurn(isLarge: true)
    }.value
  }

  @Test("a flood is answered from memory after as many refusals as are looked up, and only while they last")
  func flood() {
    var refusals = RecentRefusals()
    for _ in 0..<RecentRefusals.lookedUpMax {
      #expect(refusals.waitMilliseconds([1], atMilliseconds: 10) == nil)
      refusals.note([1], untilMilliseconds: 100, atMilliseconds: 10)
    }
    #expect(refusals.waitMilliseconds([1], atMilliseconds: 10) == 90)
    #expect(refusals.waitMilliseconds([2], atMilliseconds: 10) == nil)
    #expect(refusals.waitMilliseconds([1], atMilliseconds: 100) == nil)
    refusals.note([1], untilMilliseconds: 200, atMilliseconds: 100)
    #expect(refusals.waitMilliseconds([1], atMilliseconds: 100) == nil)
  }
}

private final class Order: Sendable {
  private let added = Mutex<[Int]>([])
  var numbers: [Int] { added.withLock { $0 } }
  func add(_ number: Int) { added.withLock { $0.append(number) } }
}

import ProgramSupport
import Synchronization
import Testing

@Suite struct PartListTests {
  private struct Failure: Error, Equatable { let part: Int }

  /// What has happened, in order.
  private final class Events: Sendable {
    private let all = Mutex<[String]>([])
    var list: [String] { all.withLock { $0 } }
    func add(_ event: String) { all.withLock { $0.append(event) } }
  }

  private static let count = 5

  /// Starts the parts 0 to 4; the start of part `failing` throws.
  private func startAll(_ parts: PartList, _ events: Events, failing: Int? = nil) async throws {
    for number in 0..<Self.count {
      let value = try await parts.start("\(number)") {
        if number == failing { throw Failure(part: number) }
        events.add("start \(number)")
        return number
      } stop: {
        events.add("stop \($0)")
      }
      #expect(value == number)
    }
  }

  @Test("parts start in order and stop in the reverse order, once")
  func order() async throws {
    let (parts, events) = (PartList(), Events())
    try await startAll(parts, events)
    #expect(parts.names == ["0", "1", "2", "3", "4"])
    await parts.stop()
    await parts.stop()
    #expect(events.list == (0..<5).map { "start \($0)" } + (0..<5).reversed().map { "stop \($0)" })
    #expect(parts.names.isEmpty)
  }

  @Test("a start that fails stops what was started before it, and nothing else", arguments: 0..<count)
  func failedStart(failing: Int) async throws {
    let (parts, events) = (PartList(), Events())
    await #expect(throws: Failure(part: failing)) { try await startAll(parts, events, failing: failing) }
    await parts.stop()
    #expect(events.list == (0..<failing).map { "start \($0)" } + (0..<failing).reversed().map { "stop \($0)" })
  }

  @Test("a check that throws keeps the next part from being started", arguments: 0..<count)
  func checked(at place: Int) async throws {
    let events = Events()
    let parts = PartList { if events.list.count == place { throw Failure(part: place) } }
    await #expect(throws: Failure(part: place)) { try await startAll(parts, events) }
    await parts.stop()
    #expect(events.list.count == 2 * place && events.list.suffix(place).allSatisfy { $0.hasPrefix("stop") })
  }

  @Test("all parts drain at the same time, before the first of them stops")
  func drains() async throws {
    let (parts, events) = (PartList(), Events())
    // Each drain ends only when the other has begun.
    let (first, second) = (Meeting(), Meeting())
    for (name, own, other) in [("a", first, second), ("b", second, first)] {
      try await parts.start(name) {
      } drain: { _ in
        own.arrive()
        await other.arrival()
        events.add("drained")
      } stop: { _ in
        events.add("stop \(name)")
      }
    }
    await parts.stop()
    #expect(events.list == ["drained", "drained", "stop b", "stop a"])
  }

  @Test("a part that drains or stops is named until it has ended")
  func stopping() async throws {
    let (parts, events) = (PartList(), Events())
    let stopping = parts.stopping
    try await parts.start("a") {
    } drain: { _ in
      events.add("drain: \(stopping.names)")
    } stop: { _ in
      events.add("stop: \(stopping.names)")
    }
    try await parts.start("b") {
    } stop: { _ in
      events.add("stop: \(stopping.names)")
    }
    #expect(stopping.names.isEmpty)
    await parts.stop()
    #expect(events.list == [#"drain: ["a"]"#, #"stop: ["b"]"#, #"stop: ["a"]"#])
    #expect(stopping.names.isEmpty)
  }

  /// One side of a meeting.
  private final class Meeting: Sendable {
    private struct State {
      var hasArrived = false
      var waiting: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    func arrive() {
      let waiting = state.withLock { state in
        state.hasArrived = true
        return state.waiting.take()
      }
      waiting?.resume()
    }

    func arrival() async {
      await withCheckedContinuation { continuation in
        let hasArrived = state.withLock { state in
          if !state.hasArrived { state.waiting = continuation }
          return state.hasArrived
        }
        if hasArrived { continuation.resume() }
      }
    }
  }
}

import Glibc
import ProtobufCodec
import RPC
import StreakClient
import StreakDomain
import Synchronization

/// A clock that only the test moves.
final class TestClock: ClientClock {
  private struct State {
    var now: Instant
    var monotonic: Int64 = 0
    var utcOffsetSeconds: Int32 = 0
    var sleepers: [Int: (until: Int64, CheckedContinuation<Void, Never>)] = [:]
    var nextSleeper = 0
  }

  private let state: Mutex<State>

  /// 2026-11-24, noon.
  static let noon = Instant(milliseconds: 1_795_521_600_000)

  init(now: Instant = noon) { state = Mutex(State(now: now)) }

  var now: Instant { state.withLock { $0.now } }
  var monotonicMilliseconds: Int64 { state.withLock { $0.monotonic } }
  func zone(at moment: Instant) -> (name: String, utcOffsetSeconds: Int32) {
    ("Test/Zone", state.withLock { $0.utcOffsetSeconds })
  }

  func sleep(milliseconds: Int64) async {
    let number = state.withLock { state in
      state.nextSleeper += 1
      return state.nextSleeper
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if Task.isCancelled || milliseconds <= 0 { return true }
          state.sleepers[number] = (state.monotonic + milliseconds, continuation)
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: number) }?.1.resume()
    }
  }

  /// Tasks that wait for a time.
  var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  func advance(milliseconds: Int64) {
    let awake = state.withLock { state in
      state.now = state.now.advanced(byMilliseconds: milliseconds)
      state.monotonic += milliseconds
      let now = state.monotonic
      let awake = state.sleepers.filter { $0.value.until <= now }
      for number in awake.keys { state.sleepers[number] = nil }
      return awake.values.map(\.1)
    }
    for continuation in awake { continuation.resume() }
  }

  func advance(days: Int64) { advance(milliseconds: days * 86_400_000) }
  func travel(utcOffsetSeconds: Int32) { state.withLock { $0.utcOffsetSeconds = utcOffsetSeconds } }
}

/// A network with scripted answers.
final class TestNetwork: StreakNetwork {
  typealias Answer = @Sendable (_ method: String, _ request: [UInt8], _ bearer: String?) throws -> [UInt8]

  struct Call: Sendable {
    var method: String
    var request: [UInt8]
    var bearer: String?
  }

  private let answer: Mutex<Answer>
  private let made = Mutex<[Call]>([])
  private let streams = Mutex<[TestStream]>([])

  init(_ answer: @escaping Answer) { self.answer = Mutex(answer) }

  /// All calls so far.
  var calls: [Call] { made.withLock { $0 } }
  func count(_ method: String) -> Int { calls.count { $0.method == method } }
  func now(_ answer: @escaping Answer) { self.answer.withLock { $0 = answer } }

  func call(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) async throws(RPCStatus) -> [UInt8] {
    made.withLock { $0.append(Call(method: method.name, request: request, bearer: bearer)) }
    let answer = answer.withLock { $0 }
    do { return try answer(method.name, request, bearer) } catch {
      throw error as? RPCStatus ?? RPCStatus(.internal, "\(error)")
    }
  }

  func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream {
    made.withLock { $0.append(Call(method: method.name, request: request, bearer: bearer)) }
    let answer = answer.withLock { $0 }
    do { return TestStream(first: try answer(method.name, request, bearer)) } catch {
      return TestStream(failure: error as? RPCStatus ?? RPCStatus(.internal, "\(error)"))
    }
  }
}

/// A network that delays the first refresh until it is released.
final class HeldNetwork: StreakNetwork {
  private let network: TestNetwork
  private let hasHeld = Mutex(false)
  private let held = AsyncStream<Void>.makeStream()
  private let released = AsyncStream<Void>.makeStream()

  init(_ network: TestNetwork) { self.network = network }

  func waitUntilHeld() async { for await _ in held.stream { return } }
  func release() { released.continuation.finish() }

  func call(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) async throws(RPCStatus) -> [UInt8] {
    let isFirst = hasHeld.withLock { hasHeld in
      defer { hasHeld = hasHeld || method.name == "Refresh" }
      return method.name == "Refresh" && !hasHeld
    }
    if isFirst {
      held.continuation.yield()
      for await _ in released.stream {}
    }
    return try await network.call(method, request, bearer: bearer)
  }

  func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream {
    network.open(method, request, bearer: bearer)
  }
}

/// One response, then none until it is cancelled; or a failure.
final class TestStream: ResponseStream {
  private let first: Mutex<[UInt8]?>
  private let failure: RPCStatus?
  private let end = AsyncStream.makeStream(of: Void.self)

  init(first: [UInt8]? = nil, failure: RPCStatus? = nil) {
    self.first = Mutex(first)
    self.failure = failure
  }

  func next() async throws(RPCStatus) -> [UInt8]? {
    if let failure { throw failure }
    let response = first.withLock { first in
      defer { first = nil }
      return first
    }
    if let response { return response }
    for await _ in end.stream {}
    throw RPCStatus(.cancelled, "The call was cancelled.")
  }

  func cancel() { end.continuation.finish() }
}

/// A fresh folder, removed at the end.
final class TestFolder {
  let path: String
  init() {
    var template = Array("/tmp/streak-client-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    path =
      template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } }
      ?? "/nowhere"
  }
  deinit {
    for suffix in ["", "-wal", "-shm"] { unlink(file + suffix) }
    rmdir(path)
  }
  var file: String { "\(path)/streak.db" }
}

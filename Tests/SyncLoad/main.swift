// A closed-loop load of `Sync` with one operation, for scripts/bench: every person has one operation under way at most, so that
// their numbers stay in order. Checks every outcome.
//
// usage: sync-load PORT FILE CONCURRENCY SECONDS [CONNECTIONS]; FILE has a line "TOKEN TAB USER TAB HABIT" for each person, the ids in hexadecimal.
import EventLoop
import FoundationEssentials
import GRPCSchema
import Glibc
import RPC
import Schema
import Synchronization

struct Person: Sendable {
  let token: String
  let userID: [UInt8]
  let habitID: [UInt8]
}

func bytes(_ hexadecimal: Substring) -> [UInt8] {
  let digits = Array(hexadecimal.utf8)
  return stride(from: 0, to: digits.count, by: 2).map {
    UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
  }
}

/// People's devices: each sends one operation after another, each a new note for today.
struct Devices: Sendable {
  let people: ArraySlice<Person>
  let channel: RPCChannel
  // Asked with a number no one has, the server tells which it waits for.
  private var nextSeqs: [Int64]
  private var cursors: [Cursor?]
  private var latencies: [Double] = []

  init(_ people: ArraySlice<Person>, _ channel: RPCChannel) {
    self.people = people
    self.channel = channel
    nextSeqs = [Int64](repeating: 1 << 40, count: people.count)
    cursors = [Cursor?](repeating: nil, count: people.count)
  }

  /// One operation of everybody, untimed: now the next numbers are known.
  mutating func warmUp() async throws {
    for place in people.indices {
      while try await !send(place) {}
    }
    latencies = []
  }

  /// - Returns: The latencies in us.
  mutating func run(until end: Date) async throws -> [Double] {
    var place = people.startIndex
    while Date() < end {
      guard try await send(place) else { fatalError("refused") }
      place = place + 1 == people.endIndex ? people.startIndex : place + 1
    }
    return latencies
  }

  /// - Returns: Whether it was applied; if not, the number that the server waits for is known now.
  private mutating func send(_ place: Int) async throws -> Bool {
    let person = people[place]
    let index = place - people.startIndex
    let now = Date().timeIntervalSince1970
    let seq = nextSeqs[index]
    let operation = Operation(
      seq: seq, hybridTime: UInt64(now * 1000) << 16 | UInt64(seq & 0xFFFF), seen: cursors[index],
      change: .setCompletion(
        SetCompletion(
          habitId: person.habitID, day: Int32(now / 86_400), done: true, note: "\(seq)",
          made: LocalTime(occurredAt: .init(seconds: Int64(now)), zone: "Etc/UTC"))))
    let request = SyncRequest(
      userId: person.userID, cursor: cursors[index], operations: [operation], nothingLeft: true)
    var options = CallOptions()
    options.metadata = [("authorization", "Bearer \(person.token)")]
    let started = Date()
    do {
      let reply: UnaryReply<SyncResponse> = try await channel.unary(SyncServiceMethods.sync, request, options: options)
      guard reply.message.outcomes.first?.status == .applied, reply.message.digest != nil else {
        fatalError("not applied: \(reply.message)")
      }
      nextSeqs[index] = seq + 1
      cursors[index] = reply.message.cursor
      latencies.append(Date().timeIntervalSince(started) * 1e6)
      return true
    } catch {
      guard let refusal = error.detail(SyncRefusal.self), refusal.expectedSeq > 0 else { throw error }
      nextSeqs[index] = refusal.expectedSeq
      cursors[index] = nil
      return false
    }
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 5, let port = UInt16(arguments[1]), let concurrency = Int(arguments[3]),
  let seconds = Double(arguments[4]), let target = ChannelTarget(parsing: "127.0.0.1:\(port)")
else {
  print("usage: sync-load PORT FILE CONCURRENCY SECONDS [CONNECTIONS]")
  exit(64)
}
let people = try String(contentsOfFile: arguments[2], encoding: .utf8).split(separator: "\n").map { line in
  let parts = line.split(separator: "\t")
  return Person(token: String(parts[0]), userID: bytes(parts[1]), habitID: bytes(parts[2]))
}
let thread = EventLoopThread()
let connections = arguments.count > 5 ? Int(arguments[5]) ?? 4 : 4
let channels = (0..<min(connections, concurrency)).map { _ in RPCChannel(to: target, loop: thread.loop) }
let share = people.count / concurrency
let executor = thread.loop

/// Runs `body` on all workers at once.
func together<Value: Sendable>(
  _ workers: [Devices], _ body: @escaping @Sendable (Devices) async throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: Value.self) { group in
    for worker in workers { group.addTask(executorPreference: executor) { try await body(worker) } }
    return try await group.reduce(into: []) { $0.append($1) }
  }
}

let cold = (0..<concurrency).map { worker in
  Devices(people[worker * share..<(worker + 1) * share], channels[worker % channels.count])
}
let workers = try await together(cold) { worker in
  var worker = worker
  try await worker.warmUp()
  return worker
}
let end = Date().addingTimeInterval(seconds)
let latencies = try await together(workers) { worker in
  var worker = worker
  return try await worker.run(until: end)
}.flatMap { $0 }.sorted()
let p50 = latencies.isEmpty ? 0 : latencies[latencies.count / 2]
let p99 = latencies.isEmpty ? 0 : latencies[latencies.count * 99 / 100]
print("{\"ok\": \(latencies.count), \"rps\": \(Double(latencies.count) / seconds), \"p50\": \(p50), \"p99\": \(p99)}")
exit(0)

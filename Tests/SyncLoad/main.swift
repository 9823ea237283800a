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
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0 }
}

/// One person's device: sends one operation after another, each a new note for today, from where the server says it is.
func drive(_ people: ArraySlice<Person>, _ channel: RPCChannel, until end: Date, seqs: inout [Int64], cursors: inout [Cursor?]) async throws -> [Double] {
  var latencies: [Double] = []
  var place = people.startIndex
  while Date() < end {
    let person = people[place]
    let now = Date().timeIntervalSince1970
    let seq = seqs[place - people.startIndex] + 1
    let operation = Operation(
      seq: seq, hybridTime: UInt64(now * 1000) << 16 | UInt64(seq & 0xFFFF), seen: cursors[place - people.startIndex],
      change: .setCompletion(
        SetCompletion(
          habitId: person.habitID, day: Int32(now / 86_400), done: true, note: "\(seq)",
          made: LocalTime(occurredAt: .init(seconds: Int64(now)), zone: "Etc/UTC"))))
    let request = SyncRequest(
      userId: person.userID, cursor: cursors[place - people.startIndex], operations: [operation], nothingLeft: true)
    var options = CallOptions()
    options.metadata = [("authorization", "Bearer \(person.token)")]
    let started = Date()
    do {
      let reply: UnaryReply<SyncResponse> = try await channel.unary(SyncServiceMethods.sync, request, options: options)
      guard reply.message.outcomes.first?.status == .applied, reply.message.digest != nil else {
        fatalError("not applied: \(reply.message)")
      }
      seqs[place - people.startIndex] = seq
      cursors[place - people.startIndex] = reply.message.cursor
      latencies.append(Date().timeIntervalSince(started) * 1e6)
    } catch {
      // A person whom an earlier run has used: go on from where the server is.
      guard let refusal = error.detail(SyncRefusal.self), refusal.expectedSeq > 0 else { throw error }
      seqs[place - people.startIndex] = refusal.expectedSeq - 1
      cursors[place - people.startIndex] = nil
      continue
    }
    place = place + 1 == people.endIndex ? people.startIndex : place + 1
  }
  return latencies
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
let end = Date().addingTimeInterval(seconds)
let latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
  for worker in 0..<concurrency {
    let own = people[worker * share..<(worker + 1) * share]
    let channel = channels[worker % channels.count]
    group.addTask(executorPreference: thread.loop) {
      // Asked with a number no one has, the server tells which it waits for.
      var seqs = [Int64](repeating: 1 << 40, count: share)
      var cursors = [Cursor?](repeating: nil, count: share)
      return try await drive(own, channel, until: end, seqs: &seqs, cursors: &cursors)
    }
  }
  var all: [Double] = []
  for try await some in group { all += some }
  return all
}.sorted()
let p50 = latencies.isEmpty ? 0 : latencies[latencies.count / 2]
let p99 = latencies.isEmpty ? 0 : latencies[latencies.count * 99 / 100]
print("{\"ok\": \(latencies.count), \"rps\": \(Double(latencies.count) / seconds), \"p50\": \(p50), \"p99\": \(p99)}")
exit(0)

import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

/// The laws of the pure parts, with random statements and random knowledge of earlier ones, in any
/// order.
@Suite("Laws of the algebra")
struct AlgebraLawTests {
  /// A device's statement.
  private struct Stated {
    var author: Author
    var kind: Int
    var value: String
    var names: [StatementID]
    /// The trust that the rules of arrival give it by itself.
    var judged: CompletionTrust
  }

  /// Statements of devices that sometimes receive everything.
  private static func history(_ random: inout SplitMix64) -> [Stated] {
    let devices = (1...3).map { Identifier(high: 1, low: $0) }
    var seqs = [Int64](repeating: 0, count: devices.count)
    var seen = [SeenStatements](repeating: .nothing, count: devices.count)
    var completed: [[StatementID]] = [[], [], []]
    // At one instant the rules of arrival give a device's claims of a day one trust.
    let judged = devices.map { _ -> CellTrust in
      random.choice(of: [.counted, .counted, .quarantined(.backfill), .quarantined(.tooOld)])
    }
    var all: [Stated] = []
    var everyCompletion: [StatementID] = []
    for place in 0..<Int.random(in: 2...9, using: &random) {
      let device = Int.random(in: 0..<devices.count, using: &random)
      if Int.random(in: 0..<3, using: &random) == 0 {
        seen[device] = SeenStatements(
          zip(devices, seqs).filter { $0.1 > 0 && $0.0 != devices[device] }.map { StatementID(source: $0.0, seq: $0.1) }
        )
        completed[device] = everyCompletion
      }
      seqs[device] += 1
      let id = StatementID(source: devices[device], seq: seqs[device])
      let kind = Int.random(in: 0..<4, using: &random)
      let time = HybridTime(milliseconds: 1_000 + Int64(place) + Int64.random(in: -5...5, using: &random))
      all.append(
        Stated(
          author: Author(stamp: Stamp(time: time, id: id), seen: seen[device]), kind: kind,
          value: random.choice(of: ["", "x", "y"]), names: completed[device],
          judged: CompletionTrust(judged[device])))
      if kind == 0 || kind == 3 {
        everyCompletion.append(id)
        completed[device].append(id)
      }
    }
    return all
  }

  /// A random order that keeps each device's own order.
  private static func delivered(_ history: [Stated], _ random: inout SplitMix64) -> [Stated] {
    var queues = Dictionary(grouping: history) { $0.author.id.source }
    var last: [Identifier: Int64] = [:]
    var order: [Stated] = []
    while let source = queues.keys.sorted().randomElement(using: &random) {
      if var next = queues[source]?.removeFirst() {
        next.author.ahead = SeenStatements(next.author.seen.last.filter { last[$0.source, default: 0] < $0.seq })
        last[source] = next.author.id.seq
        order.append(next)
        // Repetition changes nothing.
        if Bool.random(using: &random) { order.append(next) }
      }
      if queues[source]?.isEmpty == true { queues[source] = nil }
    }
    return order
  }

  /// Whether a resolution knew a device's completion and not a later one of that device. The later
  /// one may be stored instead of the known one, and the resolution then keeps nothing of it.
  private static func hasLateResolution(_ history: [Stated]) -> Bool {
    let completions = history.filter { $0.kind == 0 }.map(\.author.id)
    return history.contains { resolution in
      resolution.kind == 3
        && completions.contains { known in
          resolution.author.covers(known)
            && completions.contains { $0.source == known.source && !resolution.author.covers($0) }
        }
    }
  }

  private static func register(_ order: [Stated]) -> Register<String> {
    var register = Register<String>()
    for stated in order { register.state(stated.value, by: stated.author) }
    return register
  }

  private static func day(_ order: [Stated]) -> DayStatements {
    var day = DayStatements()
    for stated in order {
      switch stated.kind {
      case 0: day.complete(by: stated.author, trust: day.inheritedTrust(of: stated.author) ?? stated.judged)
      // The choice that it stays done.
      case 3:
        let kept = day.keptTrust(of: stated.author)
        day.complete(by: stated.author, trust: kept ?? stated.judged, isKept: true)
      case 1 where !stated.names.isEmpty: day.undo(stated.names, by: stated.author)
      default: day.note.state(stated.value, by: stated.author)
      }
    }
    return day
  }

  @Test("a register has the same statements in every order, with any repetitions", arguments: seeds(64))
  func register(seed: UInt64) {
    for part in 0..<16 {
      var random = SplitMix64(seed: seed * 16 + UInt64(part))
      let history = Self.history(&random)
      let first = Self.register(history)
      for _ in 0..<4 {
        let other = Self.register(Self.delivered(history, &random))
        #expect(other.elements.map(\.stamp) == first.elements.map(\.stamp), "seed \(seed)")
        #expect(other.elements.map(\.value) == first.elements.map(\.value), "seed \(seed)")
      }
    }
  }

  @Test("a day is the same in every order, with any repetitions of statements", arguments: seeds(64))
  func day(seed: UInt64) {
    for part in 0..<16 {
      var random = SplitMix64(seed: seed * 16 + UInt64(part))
      let history = Self.history(&random)
      let first = Self.day(history)
      for _ in 0..<4 {
        let other = Self.day(Self.delivered(history, &random))
        #expect(other.isDone == first.isDone, "seed \(seed)")
        if !Self.hasLateResolution(history) { #expect(other.trust == first.trust, "seed \(seed)") }
        #expect(other.note.winner?.value == first.note.winner?.value, "seed \(seed)")
        #expect(other.lostUndos == first.lostUndos, "seed \(seed)")
      }
    }
  }

  @Test("a day keeps a bounded number of statements, whatever two devices state")
  func bounds() {
    let (one, other) = (Identifier(high: 1, low: 1), Identifier(high: 1, low: 2))
    var day = DayStatements()
    var seqs: [Identifier: Int64] = [:]
    func author(_ device: Identifier, seen: SeenStatements = .nothing, ahead: SeenStatements = .nothing) -> Author {
      seqs[device, default: 0] += 1
      let id = StatementID(source: device, seq: seqs[device] ?? 0)
      return Author(stamp: Stamp(time: .zero, id: id), seen: seen, ahead: ahead)
    }
    let everything = SeenStatements([one, other].map { StatementID(source: $0, seq: 1_000_000) })
    for round in 0..<40 {
      // When: choices that keep all they know, of completions that each undo names.
      for _ in 0..<8 {
        day.complete(by: author(one, seen: everything, ahead: everything), trust: .counted, isKept: true)
      }
      for _ in 0..<8 { day.complete(by: author(other, seen: everything), trust: .counted) }
      let names = (day.completions + day.takenBack).map(\.id).prefix(DayStatements.undoneMax - 1)
      day.undo(names + [StatementID(source: one, seq: 1_000)], by: author(other, ahead: everything))
      for _ in 0..<8 {
        let strangers = SeenStatements(
          (1...16).map {
            StatementID(source: Identifier(high: UInt64(round), low: 100 * UInt64(seqs[one] ?? 0) + $0), seq: 1)
          })
        day.note.state("n", by: author(one, seen: strangers, ahead: strangers))
      }
      #expect(day.note.elements.allSatisfy { $0.ahead.last.count <= Register<String>.aheadMax })
      _ = (day.trust, day.lostUndos, day.keptTrust(of: author(one, seen: everything)))
      // Then
      #expect(day.completions.count <= DayStatements.statementsMax && day.undos.count <= DayStatements.statementsMax)
      #expect(day.takenBack.count <= DayStatements.takenBackMax)
      for completion in day.completions + day.takenBack {
        #expect(completion.follows.count <= DayStatements.Completion.followsMax)
      }
      for undo in day.undos { #expect(undo.left.count <= DayStatements.statementsMax) }
      #expect(day.encoded.count < 64 << 10, "round \(round): \(day.encoded.count)")
    }
    #expect(day.undos.count == DayStatements.statementsMax && day.takenBack.count == DayStatements.takenBackMax)
    #expect(DayStatements(encoded: day.encoded) == day)
  }

  @Test("written bytes can be read back, and other bytes do not trap", arguments: seeds(64))
  func bytes(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<16 {
      let history = Self.history(&random)
      let day = Self.day(Self.delivered(history, &random))
      #expect(DayStatements(encoded: day.encoded) == day, "seed \(seed)")
      var habit = HabitStatements(HabitFields(name: "h"), Stamp(time: .zero, id: history[0].author.id))
      for stated in history {
        if stated.kind == 1 {
          habit.delete(by: stated.author, seen: stated.author.seen)
        } else {
          habit.state(stated.value, of: .name, by: stated.author)
        }
      }
      let fields = HabitFields(name: "h")
      #expect(HabitStatements(encoded: habit.encoded, fields: fields) == habit, "seed \(seed)")
      for bytes in [day.encoded, habit.encoded] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
          let place = Int.random(in: 0..<bytes.count, using: &random)
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
          case 1: bytes.remove(at: place)
          default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
          }
        }
        use(bytes, history, seed)
      }
      let length = Int.random(in: 0...80, using: &random)
      use((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }, history, seed)
    }
  }

  /// Reads any bytes, and uses the result.
  private func use(_ bytes: [UInt8], _ history: [Stated], _ seed: UInt64) {
    if var day = DayStatements(encoded: bytes) {
      #expect(DayStatements(encoded: day.encoded) == day, "seed \(seed)")
      for stated in history {
        day.complete(by: stated.author, trust: .counted)
        day.undo(stated.names, by: stated.author)
        day.note.state(stated.value, by: stated.author)
      }
      _ = (day.trust, day.lostUndos, day.activity, day.encoded)
    }
    var habit = HabitStatements(encoded: bytes, fields: HabitFields(name: "h"))
    for stated in history {
      habit.state(stated.value, of: .archived, by: stated.author)
      habit.delete(by: stated.author, seen: stated.author.seen)
    }
    _ = (habit.fields(isDeleted: false), habit.isDeleted(activity: []) { _ in false }, habit.encoded)
    var settings = AccountSettings(encoded: bytes)
    settings.dayStart.state("5", by: history[0].author)
    _ = settings.dayStartMinutes
    _ = Sources(encoded: bytes).encoded
  }
}

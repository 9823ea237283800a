import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

/// A person who lives every day once and records it: travels, changes clocks, is offline for weeks,
/// and has several devices.
@Suite("An honest person's search")
struct HonestTests {
  @Test("no lived day is ever quarantined", arguments: seeds(20, long: 2_000))
  func lived(seed: UInt64) {
    for part in 0..<10 {
      var person = Person(seed: seed * 10 + UInt64(part))
      for _ in 0..<80 { person.live() }
      person.syncAll()
      guard let failure = person.failure else { continue }
      Issue.record("seed \(seed), part \(part): \(failure)")
      return
    }
  }
}

private struct Person {
  struct Device {
    let id: Identifier
    var seq: Int64 = 0
    var seen = SeenStatements.nothing
    var queue: [Operation] = []
    /// When the queue's oldest operation was made.
    var waitsSince: Instant = .epoch
    var syncsAt: Instant
  }

  var random: SplitMix64
  var ledger: PersonLedger
  var now: Instant
  var devices: [Device] = []
  var offset: Int32 = 0
  var dayStart: Int32
  var failure: String?

  private static let habit = Identifier(high: 2, low: 1)
  /// From the Pacific coast of America to Europe in winter and summer; or from Europe to Japan and
  /// New Zealand.
  private static let journeys: [[Int32]] = [
    [-28_800, -25_200, -18_000, -12_600, 0, 3_600, 7_200], [0, 3_600, 7_200, 19_800, 20_700, 32_400, 43_200, 46_800],
    [37_800, 39_600],
  ]
  private let journey: [Int32]

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    now = noon + Int64.random(in: 0..<dayMilliseconds, using: &random)
    journey = random.choice(of: Self.journeys)
    offset = random.choice(of: journey)
    dayStart = random.choice(of: [0, 0, 180, 240, 360])
    ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: now))
    register()
    make(.editHabit(Operation.HabitEdit(habitID: Self.habit, fields: HabitFields(name: "h"))), by: 0)
    sync(0)
  }

  private mutating func register() {
    let id = Identifier(high: 1, low: UInt64(devices.count + 1))
    ledger.register(deviceID: id, now: now)
    devices.append(Device(id: id, seen: ledger.sources.seen(by: id), syncsAt: now))
  }

  private var here: ClientTime {
    ClientTime(occurredAt: now, zone: "x", utcOffsetSeconds: offset, dayStartMinutes: dayStart)
  }

  /// Some hours pass; the person may travel and tap, and some devices get online.
  mutating func live() {
    now += Int64.random(in: 1...16 * 60, using: &random) * 60_000
    // A flight takes time; a clock change does not.
    if Int.random(in: 0..<6, using: &random) == 0 {
      let next = random.choice(of: journey)
      now += Int64(abs(next - offset)) * 500
      offset = next
    }
    if devices.count < 3 && Int.random(in: 0..<30, using: &random) == 0 { register() }
    if Int.random(in: 0..<8, using: &random) > 0 {
      let place = Int.random(in: devices.indices, using: &random)
      make(
        .setCompletion(Operation.Completion(habitID: Self.habit, day: here.day, done: true, clientTime: here)),
        by: place)
      if Int.random(in: 0..<12, using: &random) == 0 { redo(by: place) }
    }
    for place in devices.indices where devices[place].syncsAt <= now { sync(place) }
  }

  /// Undoes a tap, and taps again.
  private mutating func redo(by place: Int) {
    let clientTime = here
    let id = StatementID(source: devices[place].id, seq: devices[place].seq)
    let names = (ledger.cells[CellKey(habitID: Self.habit, day: clientTime.day)]?.completions ?? []) + [id]
    make(
      .setCompletion(
        Operation.Completion(
          habitID: Self.habit, day: clientTime.day, done: false, clientTime: clientTime, undone: names)), by: place)
    make(
      .setCompletion(
        Operation.Completion(habitID: Self.habit, day: clientTime.day, done: true, clientTime: clientTime)), by: place)
  }

  private mutating func make(_ change: Operation.Change, by place: Int) {
    devices[place].seq += 1
    if devices[place].queue.isEmpty {
      devices[place].waitsSince = now
      // Online at once, or later, or after weeks.
      let wait: Int64 = random.choice(of: [0, 0, 3 * hour, 2 * dayMilliseconds, 29 * dayMilliseconds])
      devices[place].syncsAt = now + wait
    }
    devices[place].queue.append(
      Operation(
        seq: devices[place].seq, time: HybridTime(now, counter: UInt16(clamping: devices[place].seq)),
        seen: devices[place].seen, change: change))
  }

  mutating func syncAll() {
    for place in devices.indices { sync(place) }
    let lost = ledger.cells.filter { !$0.value.cell.counts }
    if let (key, cell) = lost.first { failure = failure ?? "\(key.day) in the end: \(cell.cell)" }
  }

  private mutating func sync(_ place: Int) {
    let before = ledger
    for operation in devices[place].queue {
      let outcome = ledger.apply(operation, by: devices[place].id, now: now)
      ledger.advance(deviceID: devices[place].id, to: operation.seq)
      guard case .setCompletion(let wanted) = operation.change else { continue }
      if outcome.status == .rejected || (wanted.done && outcome.trust != .counted) {
        failure =
          failure
          ?? "\(wanted.day) of device \(place), arrived at \(now): \(outcome), waits since \(devices[place].waitsSince), \(wanted.clientTime)"
      }
    }
    devices[place].queue = []
    ledger.finishBackfill(of: devices[place].id, now: now)
    ledger.readFullHabits(from: before)
    ledger.commit()
    devices[place].seen = ledger.sources.seen(by: devices[place].id)
    devices[place].syncsAt = now + Int64.random(in: 1...40, using: &random) * 6 * hour
  }
}

import SplitMix
import StreakClient
import StreakDomain
import Synchronization
import TestSupport
import Testing

@Suite("Simulation: whole clients, killed at any moment, with a failing network and server")
struct ClientSimulationTests {
  @Test(
    "no acknowledged tap of a client is lost, and in the end all devices show the same state",
    arguments: chunks(of: 50, in: 150))
  func clients(seeds: Range<UInt64>) async throws {
    for seed in seeds {
      do { try await play(seed) } catch { Issue.record("seed \(seed): \(error)") }
    }
  }

  private func play(_ seed: UInt64) async throws {
    var people = ClientWorld(seed: seed)
    for _ in 0..<Int.random(in: 20...70, using: &people.random) { await people.step() }
    try await people.quiesce()
    let ledger = try #require(people.ledger, "seed \(seed): nobody signed up")
    var names: [Identifier: String] = [:]
    for (id, habit) in ledger.habits { names[id] = habit.fields.name }
    let done = Set(
      ledger.cells.filter { $0.value.cell.done }.keys.map {
        ClientWorld.Tap(habit: names[$0.habitID] ?? "", day: $0.day)
      })
    #expect(people.tapped.subtracting(people.undone).subtracting(done).isEmpty, "seed \(seed): a tap was lost")
    #expect(done.isSubset(of: people.tapped), "seed \(seed): a day that nobody tapped")
    for device in people.devices {
      var shown: [CellKey: CellContent] = [:]
      let today = ledger.zones.today(now: device.clock.now)
      for habit in try await device.client.habits(includingArchived: true) {
        for (day, cell) in habit.cells { shown[CellKey(habitID: habit.id, day: day)] = cell }
        #expect(habit.streak == ledger.habits[habit.id]?.summary.streak(today: today), "seed \(seed)")
      }
      #expect(shown == ledger.cells.mapValues(\.cell), "seed \(seed)")
      #expect(try await device.client.accounts().filter(\.isCurrent).map(\.waiting) == [0], "seed \(seed)")
      #expect(try await device.client.dayStartMinutes() == ledger.settings.dayStartMinutes, "seed \(seed)")
      let rejected = try await device.client.rejectedOperations()
      #expect(rejected.isEmpty, "seed \(seed): \(rejected.map { ($0.reason, $0.operation) })")
      #expect(try await !device.client.hasSession(), "seed \(seed)")
    }
  }
}

/// One person's devices under random events. Each begins without an account.
struct ClientWorld {
  struct Tap: Hashable {
    var habit: String
    var day: Day
  }

  struct Device {
    let storage = MemoryStorage()
    let clock: SimulatedClock
    var client: StreakClient
  }

  static let email = "p@example.com"

  let world: ModelNetwork.World
  var random: SplitMix64
  private(set) var devices: [Device] = []
  /// Days that a client has acknowledged as done, and days acknowledged as undone, at any time.
  private(set) var tapped: Set<Tap> = []
  private(set) var undone: Set<Tap> = []

  init(seed: UInt64) {
    random = SplitMix64(seed: seed &+ 0x5EED)
    world = ModelNetwork.World(seed: seed)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let ahead: Int64 = random.choice(of: [0, 0, 30_000, -3_600_000])
      let hours: Int32 = random.choice(of: [-8, 1, 1, 13])
      let clock = SimulatedClock(world: world, aheadMilliseconds: ahead, utcOffsetSeconds: hours * 3_600)
      var device = Device(
        clock: clock, client: StreakClient(storage: MemoryStorage(), network: ModelNetwork(world), clock: clock))
      device.client = StreakClient(storage: device.storage, network: ModelNetwork(world), clock: clock)
      devices.append(device)
    }
  }

  var ledger: PersonLedger? {
    world.state.withLock { state in state.users[Self.email].flatMap { state.server.people[$0]?.ledger } }
  }

  /// One random event; a failed action is tried again in a later step.
  mutating func step() async {
    let index = Int.random(in: devices.indices, using: &random)
    let passed = Int64.random(in: 0...3 * 3_600_000, using: &random)
    world.state.withLock { $0.now += passed }
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<40: try? await tap(index)
    case 40..<66: _ = try? await devices[index].client.sync()
    case 66..<70: try? await choose(index)
    case 70..<80: try? await join(index)
    case 80..<88: kill(index)
    case 88..<91: world.state.withLock { $0.expireTokens() }
    case 91..<93: world.state.withLock { $0.makeBackup() }
    case 93..<94: world.state.withLock { $0.restore() }
    case 94..<96: world.state.withLock { $0.failOver() }
    case 96..<97: world.state.withLock { $0.returnToAbandoned() }
    default:
      let percent = random.choice(of: [0, 10, 40])
      world.state.withLock { $0.lostPercent = percent }
    }
  }

  private mutating func tap(_ index: Int) async throws {
    let client = devices[index].client
    if Int.random(in: 0..<20, using: &random) == 0 {
      try await client.setDayStart(minutes: Int32.random(in: 0...2, using: &random) * 60)
    }
    let name = random.choice(of: ["read", "run", "sing"])
    let known = try await client.habit(named: name)?.id
    let habit = if let known { known } else { try await client.addHabit(name) }
    let ago = Int.random(in: 0...3, using: &random)
    let day = try await client.today().advanced(by: -ago)
    let tap = Tap(habit: name, day: day)
    if Int.random(in: 0..<5, using: &random) == 0 {
      // Recorded before the call: such a day need not be done in the end.
      undone.insert(tap)
      try await client.undo(habit, on: day)
    } else {
      let note = random.choice(of: [nil, "", "a", "b"])
      try await client.complete(habit, on: day, note: note)
      tapped.insert(tap)
    }
  }

  /// The person chooses in a conflict.
  private mutating func choose(_ index: Int) async throws {
    let client = devices[index].client
    let open = try await client.notices().filter { !$0.value.isResolved }.sorted { $0.key < $1.key }
    guard let (id, notice) = open.randomElement(using: &random) else { return }
    let takesLosing = Bool.random(using: &random)
    if notice.kind == .doneConflict, let day = notice.day, takesLosing {
      let habit = try await client.habits(includingArchived: true).first { $0.id == notice.habitID }
      undone.insert(Tap(habit: habit?.fields.name ?? "", day: day))
    }
    try await client.resolve(id, takingLosing: takesLosing)
    if Bool.random(using: &random) { try await client.acknowledge(id) }
  }

  /// The person signs up or signs in; earlier entries are taken along.
  private func join(_ index: Int) async throws {
    let client = devices[index].client
    if try await client.accounts().contains(where: { $0.isCurrent && $0.isSignedIn }) {
      if try await client.hasSession() { try await client.migrateSession() }
      return
    }
    let isThere = world.state.withLock { $0.users[Self.email] != nil }
    if isThere {
      try await client.signIn(email: Self.email, password: "secret")
      if try await client.hasSession() { try await client.migrateSession() }
    } else {
      try await client.signUp(email: Self.email, password: "secret")
    }
  }

  /// The app dies between two of its calls, or after a call without an answer; only the storage is
  /// left.
  private mutating func kill(_ index: Int) {
    devices[index].client = StreakClient(
      storage: devices[index].storage, network: ModelNetwork(world), clock: devices[index].clock)
  }

  /// The network works again; all devices join and sync until nothing changes any more.
  mutating func quiesce() async throws {
    world.state.withLock { $0.lostPercent = 0 }
    for round in 0..<6 {
      for index in devices.indices {
        do {
          try await devices[index].client.sync()
          try await join(index)
          try await devices[index].client.sync()
        } catch let error as ClientError where [.signInNeeded, .accountUnknown].contains(error) && round < 3 {
          // Several restores in a row require several sign-ins.
          try await join(index)
        }
      }
    }
  }
}

/// The world's time, with a small error, in a device's zone.
final class SimulatedClock: ClientClock {
  private let world: ModelNetwork.World
  private let aheadMilliseconds: Int64
  private let utcOffsetSeconds: Int32

  init(world: ModelNetwork.World, aheadMilliseconds: Int64, utcOffsetSeconds: Int32) {
    self.world = world
    self.aheadMilliseconds = aheadMilliseconds
    self.utcOffsetSeconds = utcOffsetSeconds
  }

  var now: Instant { world.state.withLock { $0.now } + aheadMilliseconds }
  var monotonicMilliseconds: Int64 { now.milliseconds }
  func zone(at moment: Instant) -> (name: String, utcOffsetSeconds: Int32) { ("Test/Zone", utcOffsetSeconds) }
  func sleep(milliseconds: Int64) async {}
}

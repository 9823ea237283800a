import Glibc
import SplitMix
import StreakDomain
import TestSupport
import Testing

/// Every small program, in every order of delivery in which each pull has the same result, compared
/// with the reference. The ordinary run takes a sample of the programs, each with all statements in
/// one change or each in its own; the long run takes all, in every division into changes.
@Suite("The judge: every small program")
struct ExhaustiveJudgeTests {
  private typealias Step = JudgedWorld.Step

  /// The actions of a device; notes and names differ by `mark`.
  private static func alphabet(_ mark: String) -> [JudgedWorld.Action] {
    [
      .done(note: nil), .done(note: mark), .note(mark), .note(""), .undo, .name(mark), .archived(true),
      .archived(false), .delete, .resolve(takesLosing: false, choice: 0), .resolve(takesLosing: true, choice: 0), .pull,
    ]
  }

  /// The habit alone, or with a done day that has a note.
  private static let bases: [[Step]] = [[], [Step(.done(note: "base"))]]
  /// How far the devices' clocks are ahead: equal, or the first one is behind, or the others are,
  /// or statements of equal places have equal times.
  private static let skews: [[Int64]] = [
    [0, 0, 0], [-3_600_000, 0, 0], [0, -3_600_000, -1_800_000], [0, -10, -20],
  ]

  @Test("two devices with five operations in total", arguments: seeds(24, long: 24))
  func twoDevices(part: UInt64) {
    run(lengths: [[3, 2], [4, 1], [5, 0], [2, 3], [1, 4]], part: part, parts: 24)
  }

  @Test("three devices with four operations in total", arguments: seeds(8, long: 8))
  func threeDevices(part: UInt64) {
    run(lengths: [[2, 1, 1], [1, 2, 1], [1, 1, 2]], part: part, parts: 8)
  }

  private func run(lengths: [[Int]], part: UInt64, parts: UInt64) {
    var random = SplitMix64(seed: part + 1)
    var failures = 0
    for lengths in lengths {
      let total = lengths.reduce(0, +)
      var count = 1
      for _ in 0..<total { count *= 12 }
      for number in stride(from: Int(part), to: count, by: Int(parts)) {
        guard isLong || Int.random(in: 0..<Self.sampleEvery, using: &random) == 0 else { continue }
        guard let program = program(number, lengths) else { continue }
        // Each program once with each base; clocks change from program to program.
        let mixed = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 >> 32
        let skews = Self.skews[Int(mixed % UInt64(Self.skews.count))]
        for base in Self.bases {
          if let difference = explore(program, base: base, skews: skews, mixed: mixed) {
            Issue.record("\(difference)\n  base \(base.map(\.action)), clocks \(skews)\n  \(program)")
            failures += 1
            if failures == 5 { return }
          }
        }
      }
    }
  }

  /// The ordinary run tries one of this many programs.
  private static let sampleEvery = 2_000

  /// A program by its number; nil if it equals a shorter one.
  private func program(_ number: Int, _ lengths: [Int]) -> [[JudgedWorld.Action]]? {
    var number = number
    var program: [[JudgedWorld.Action]] = []
    for (device, length) in lengths.enumerated() {
      var actions: [JudgedWorld.Action] = []
      for place in 0..<length {
        let alphabet = Self.alphabet((device + place) % 2 == 0 ? "y" : "z")
        let action = alphabet[number % alphabet.count]
        number /= alphabet.count
        if action == .pull && (place == length - 1 || actions.last == .pull) { return nil }
        if case .resolve = action, !actions.contains(.pull) { return nil }
        actions.append(action)
      }
      program.append(actions)
    }
    return program
  }

  /// - Returns: The first difference, and its order of delivery.
  private func explore(
    _ program: [[JudgedWorld.Action]], base: [Step], skews: [Int64], mixed: UInt64
  ) -> String? {
    let world = JudgedWorld(
      devices: program.count, base: base, isBatched: mixed & 8 == 0, statesChoices: mixed & 16 == 0)
    return explore(world, program, Array(repeating: 0, count: program.count), skews, [])
  }

  private func explore(
    _ world: JudgedWorld, _ program: [[JudgedWorld.Action]], _ places: [Int], _ skews: [Int64],
    _ order: [Delivery]
  ) -> String? {
    for device in program.indices where places[device] < program[device].count {
      var step = Step(program[device][places[device]])
      step.skew = skews[device]
      for isBatched in isLong && step.action != .pull ? [false, true] : [world.isBatched] {
        var next = world
        next.isBatched = isBatched
        guard next.perform(step, by: device) else { continue }
        let order = order + [Delivery(device: device, isBatched: isBatched)]
        if step.action != .pull, let difference = next.difference() { return "order \(order): \(difference)" }
        var places = places
        places[device] += 1
        if let difference = explore(next, program, places, skews, order) { return difference }
      }
    }
    return nil
  }

  /// One statement's arrival, or a pull; with "+" it belongs to the change of the one before.
  private struct Delivery: CustomStringConvertible {
    let device: Int
    let isBatched: Bool

    var description: String { isBatched ? "+\(device)" : "\(device)" }
  }
}

/// `scripts/check --long` runs everything; the ordinary run takes a sample.
var isLong: Bool { unsafe getenv("STREAKD_LONG") != nil }

func seeds(_ count: UInt64, long: UInt64) -> Range<UInt64> { 0..<(isLong ? long : count) }

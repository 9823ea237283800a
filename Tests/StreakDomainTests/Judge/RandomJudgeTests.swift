import SplitMix
import StreakDomain
import TestSupport
import Testing

/// Larger programs: several habits and days, other clocks, devices with different offline times, so
/// that days have different statuses.
@Suite("The judge: random programs")
struct RandomJudgeTests {
  private typealias Step = JudgedWorld.Step
  private typealias Event = (device: Int, step: Step)

  @Test(
    "every order of delivery in which each pull has the same result ends in the state of the reference",
    arguments: Array(seeds(16, long: 3_200)) + [2_340])
  func anyOrder(seed: UInt64) {
    for part in 0..<8 {
      var random = SplitMix64(seed: seed * 8 + UInt64(part))
      let setting = Setting(&random)
      let memory = JudgedWorld.Memory()
      var world = setting.world(memory)
      var events: [Event] = []
      for place in 0..<Int.random(in: 4...16, using: &random) {
        let event = setting.event(place, &random)
        guard world.perform(event.step, by: event.device) else { continue }
        events.append(event)
        if let difference = world.difference() {
          Issue.record("seed \(seed), part \(part): \(difference)\n\(Self.text(events))")
          return
        }
      }
      for _ in 0..<4 {
        let order = Self.reordered(events, &random)
        var other = setting.world(memory, isBatched: Bool.random(using: &random))
        for (place, event) in order.enumerated() {
          let done = other.perform(event.step, by: event.device)
          let difference = done ? other.difference() : "it cannot be done"
          guard let difference else { continue }
          Issue.record(
            "seed \(seed), part \(part): \(difference)\n\(Self.text(Array(order.prefix(place + 1))))\n\(setting)")
          return
        }
      }
    }
  }

  @Test(
    "a server that lost everything has the same state again, in any order in which devices send it again",
    arguments: seeds(16, long: 3_200))
  func sentAgain(seed: UInt64) {
    for part in 0..<8 {
      var random = SplitMix64(seed: seed * 8 + UInt64(part) + 1 << 32)
      var setting = Setting(&random)
      setting.offlineDays = setting.offlineDays.map { _ in 40 }
      setting.statesChoices = true
      var world = setting.world(JudgedWorld.Memory())
      for place in 0..<Int.random(in: 4...12, using: &random) {
        var event = setting.event(place, &random)
        event.step.finishesBackfill = false
        // A direct call is not sent again.
        if case .direct = event.step.action { continue }
        _ = world.perform(event.step, by: event.device)
      }
      var queues = Dictionary(grouping: world.log.enumerated().map(\.element), by: \.statement.name.device)
      var restored = setting.world(JudgedWorld.Memory())
      while let device = queues.keys.sorted().randomElement(using: &random) {
        if let made = queues[device]?.removeFirst() { restored.sendAgain(made) }
        if queues[device]?.isEmpty == true { queues[device] = nil }
      }
      // A deletion that arrives before an action it did not know, but after a device that knew it,
      // causes a notice although its conflict was resolved.
      if let difference = restored.difference(ignoring: .deletionConflict) {
        Issue.record("seed \(seed), part \(part): \(difference)\n\(restored.log.map(\.statement))")
        return
      }
    }
  }

  private static func text(_ events: [Event]) -> String {
    events.map { "  \($0.device): \($0.step)" }.joined(separator: "\n")
  }

  /// Between two pulls the devices' statements arrive in another order.
  private static func reordered(_ events: [Event], _ random: inout SplitMix64) -> [Event] {
    var order: [Event] = []
    for segment in events.split(omittingEmptySubsequences: false, whereSeparator: { $0.step.action.dependsOnArrival }) {
      var queues = Dictionary(grouping: segment, by: \.device)
      while let device = queues.keys.sorted().randomElement(using: &random) {
        if let event = queues[device]?.removeFirst() { order.append(event) }
        if queues[device]?.isEmpty == true { queues[device] = nil }
      }
      if order.count < events.count { order.append(events[order.count]) }
    }
    return order
  }

  private struct Setting {
    var devices: Int
    var habits: Int
    var offlineDays: [Int]
    var skews: [Int64]
    var hasBase: Bool
    var statesChoices: Bool

    init(_ random: inout SplitMix64) {
      devices = Int.random(in: 2...4, using: &random)
      habits = Int.random(in: 1...2, using: &random)
      offlineDays = (0..<devices).map { _ in random.choice(of: [0, 0, 1, 3, 10, 40]) }
      skews = (0..<devices).map { _ in random.choice(of: [0, 0, 30_000, -7_200_000, -4_000_000, -10, -20]) }
      hasBase = Bool.random(using: &random)
      statesChoices = Bool.random(using: &random)
    }

    func world(_ memory: JudgedWorld.Memory, isBatched: Bool = false) -> JudgedWorld {
      JudgedWorld(
        devices: devices, habits: habits, base: hasBase ? [Step(.done(note: "base"))] : [], offlineDays: offlineDays,
        isBatched: isBatched, statesChoices: statesChoices, memory: memory)
    }

    func event(_ place: Int, _ random: inout SplitMix64) -> Event {
      let device = Int.random(in: 0..<devices, using: &random)
      let text = random.choice(of: ["x", "y", "z", "n\(place)"])
      let action: JudgedWorld.Action =
        switch Int.random(in: 0..<28, using: &random) {
        case 0..<4: .done(note: nil)
        case 4..<6: .done(note: text)
        case 6: .note(text)
        case 7: .note("")
        case 8..<11: .undo
        case 11:
          .undoSome(
            mask: Int.random(in: 0..<8, using: &random), device: Int.random(in: 0..<devices, using: &random),
            seq: Int64.random(in: 1...6, using: &random))
        case 12: .name(text)
        case 13: .archived(true)
        case 14: .archived(false)
        case 15: .delete
        case 16..<19: .resolve(takesLosing: Bool.random(using: &random), choice: Int.random(in: 0..<4, using: &random))
        case 19..<23:
          .direct(
            random.choice(of: [
              .done(note: nil), .done(note: nil), .done(note: text), .undo, .undo, .note(text), .name(text),
              .archived(true), .archived(false), .delete,
            ]))
        default: .pull
        }
      var step = Step(action)
      step.habit = Int.random(in: 0..<habits, using: &random)
      // A day that is sealed cannot be undone.
      let isSealed =
        switch action {
        case .undo, .undoSome, .pull, .direct(.undo): true
        default: false
        }
      let agos = isSealed ? [0, 0, 1, 3, 5, 8] : [0, 0, 1, 3, 5, 8, 31]
      step.ago = random.choice(of: agos)
      step.skew = skews[device]
      step.finishesBackfill = Int.random(in: 0..<3, using: &random) == 0
      return (device, step)
    }
  }
}

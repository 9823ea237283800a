import SplitMix
import Testing

@testable import RPC

@Suite("Request budget")
struct LargeMessageBudgetTests {
  /// A budget, and the order of its grants.
  private final class Scene {
    let budget: LargeMessageBudget
    private(set) var granted: [String] = []
    private var reservations: [String: LargeMessageBudget.Reservation] = [:]

    init(bytesMax: Int, bytesPerConnectionMax: Int) {
      budget = LargeMessageBudget(bytesMax: bytesMax, bytesPerConnectionMax: bytesPerConnectionMax)
    }

    func reserve(_ name: String, _ bytes: Int, _ share: LargeMessageBudget.Share) {
      reservations[name] = budget.reserve(bytes, for: share) { [unowned self] in granted.append(name) }
    }

    func release(_ name: String) {
      guard let reservation = reservations.removeValue(forKey: name) else { return }
      budget.release(reservation)
    }
  }

  @Test("a connection's share is granted up to its last byte, one past it waits, in the order of requests")
  func share() {
    let scene = Scene(bytesMax: 1_000, bytesPerConnectionMax: 100)
    let (share, other) = (LargeMessageBudget.Share(), LargeMessageBudget.Share())
    scene.reserve("a", 60, share)
    scene.reserve("b", 40, share)
    scene.reserve("c", 2, share)
    scene.reserve("d", 1, share)
    scene.reserve("other", 100, other)
    #expect(scene.granted == ["a", "b", "other"])
    scene.release("b")
    #expect(scene.granted == ["a", "b", "other", "c", "d"])
    #expect(scene.budget.reservedBytes == 163)
  }

  @Test("the whole budget is granted up to its last byte, one past it waits, and connections take turns")
  func whole() {
    let scene = Scene(bytesMax: 100, bytesPerConnectionMax: 100)
    let (first, second) = (LargeMessageBudget.Share(), LargeMessageBudget.Share())
    scene.reserve("a", 100, first)
    scene.reserve("b", 50, first)
    scene.reserve("c", 50, first)
    scene.reserve("d", 50, second)
    #expect(scene.granted == ["a"])
    scene.release("a")
    #expect(scene.granted == ["a", "d", "b"])
    scene.release("d")
    #expect(scene.granted == ["a", "d", "b", "c"])
  }

  @Test("a request larger than the whole budget is granted when nothing else is")
  func large() {
    let scene = Scene(bytesMax: 100, bytesPerConnectionMax: 50)
    let share = LargeMessageBudget.Share()
    scene.reserve("a", 1, share)
    scene.reserve("b", 500, share)
    #expect(scene.granted == ["a"])
    scene.release("a")
    #expect(scene.granted == ["a", "b"])
  }

  @Test("a cancelled wait makes room for those behind it")
  func leaving() {
    let scene = Scene(bytesMax: 100, bytesPerConnectionMax: 100)
    let share = LargeMessageBudget.Share()
    scene.reserve("a", 60, share)
    scene.reserve("b", 60, share)
    scene.reserve("c", 40, share)
    scene.release("b")
    #expect(scene.granted == ["a", "c"])
  }

  @Test(
    "random requests keep the limits, each is granted, and nothing stays reserved", arguments: UInt64(0)..<64)
  func anything(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let scene = Scene(bytesMax: 300, bytesPerConnectionMax: 100)
    let shares = (0..<5).map { _ in LargeMessageBudget.Share() }
    var open: [String] = []
    var asked = 0
    for step in 0..<500 {
      if Bool.random(using: &generator) || open.isEmpty {
        asked += 1
        open.append("\(step)")
        scene.reserve("\(step)", .random(in: 1...100, using: &generator), shares[.random(in: 0..<5, using: &generator)])
      } else {
        scene.release(open.remove(at: .random(in: 0..<open.count, using: &generator)))
      }
      #expect(scene.budget.reservedBytes <= 300, "seed \(seed)")
      for share in shares { #expect(share.reservedBytes <= 100, "seed \(seed)") }
    }
    // The remaining ones end once they were granted: each has its turn.
    while let next = open.first(where: { scene.granted.contains($0) }) {
      open.removeAll { $0 == next }
      scene.release(next)
    }
    #expect(open.isEmpty, "seed \(seed)")
    #expect(scene.budget.reservedBytes == 0, "seed \(seed)")
  }
}

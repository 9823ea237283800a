/// A small generator whose numbers follow from its seed. Source: Steele, Lea and Flood, "Fast
/// Splittable Pseudorandom Number Generators".
///
/// `Tests/TestSupport` has one of its own: a program cannot import the tests' target, and the tests
/// of other targets do not build the load client for twelve lines.
struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From 0 to just below 1.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// From 0 to `count` - 1.
  mutating func index(below count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }
}

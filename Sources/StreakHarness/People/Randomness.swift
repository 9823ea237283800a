/// A small generator whose sequence follows from its seed. Source: Steele, Lea and Flood, "Fast
/// Splittable Pseudorandom Number Generators".
struct Randomness: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// One generator per name: the values for one method's checks do not depend on earlier methods.
  init(seed: UInt64, name: String) {
    state = name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) } }

  /// Lower-case letters.
  mutating func letters(_ count: Int) -> [UInt8] { (0..<count).map { _ in 97 + UInt8(next() >> 32 & 0xFF) % 26 } }
}

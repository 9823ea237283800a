/// A small generator whose numbers follow from its seed. Source: Steele, Lea and Flood, "Fast
/// Splittable Pseudorandom Number Generators", 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// From 0 to just below 1.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// From 0 to `count` - 1.
  package mutating func index(below count: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(count)).high) }

  /// One of the items, of which there is at least one.
  package mutating func choice<Item>(of items: [Item]) -> Item { items[Int.random(in: 0..<items.count, using: &self)] }
}

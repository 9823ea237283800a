internal import SplitMix

extension SplitMix64 {
  /// One generator per name: the values for one method's checks do not depend on earlier methods.
  init(seed: UInt64, name: String) {
    self.init(seed: name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) } }
}

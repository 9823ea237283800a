import Glibc

/// A small generator whose sequence follows from its seed. Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators".
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The seeds of a seeded test: 0 to `count` - 1, or that many times more with STREAKD_SEED_FACTOR, as `scripts/check --long` sets it.
func seeds(_ count: UInt64) -> Range<UInt64> {
  let factor = unsafe getenv("STREAKD_SEED_FACTOR").flatMap { unsafe UInt64(String(cString: $0)) }
  return 0..<count * (factor ?? 1)
}

/// The same seeds as test arguments: so many in each, so that the runner has something to do in parallel and little to list.
func chunks(of size: UInt64, in count: UInt64) -> [Range<UInt64>] {
  stride(from: 0, to: seeds(count).upperBound, by: UInt64.Stride(size)).map {
    $0..<min($0 + size, seeds(count).upperBound)
  }
}

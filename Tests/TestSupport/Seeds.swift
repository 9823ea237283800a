internal import Glibc

/// The seeds of a seeded test: 0 to `count` - 1, or that many times more with STREAKD_SEED_FACTOR,
/// as `scripts/check --long` sets it.
public func seeds(_ count: UInt64) -> Range<UInt64> {
  let factor = unsafe getenv("STREAKD_SEED_FACTOR").flatMap { unsafe UInt64(String(cString: $0)) }
  return 0..<count * (factor ?? 1)
}

/// The same seeds as test arguments, in chunks, so that tests can run in parallel and the list
/// stays short.
public func chunks(of size: UInt64, in count: UInt64) -> [Range<UInt64>] {
  stride(from: 0, to: seeds(count).upperBound, by: UInt64.Stride(size)).map {
    $0..<min($0 + size, seeds(count).upperBound)
  }
}

/// How many calls took how long, by fixed borders.
public struct LatencyHistogram: Sendable, Equatable {
  /// Upper borders of the buckets but the last, in nanoseconds, 0.25 ms to 60 s. A call that takes
  /// exactly a border's time is below it.
  public static let borderNanoseconds: [UInt64] = [
    250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000,
    500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000, 30_000_000_000, 60_000_000_000,
  ]

  /// Calls for each bucket; the last one has no upper border.
  public private(set) var counts = [UInt64](repeating: 0, count: borderNanoseconds.count + 1)
  /// Of all calls.
  public private(set) var sumNanoseconds: UInt64 = 0

  public init() {}

  /// All calls.
  public var count: UInt64 { counts.reduce(0, +) }

  mutating func record(_ nanoseconds: UInt64) {
    // From below: most calls are in one of the first buckets.
    let borders = Self.borderNanoseconds
    var bucket = 0
    while bucket < borders.count, nanoseconds > borders[bucket] { bucket += 1 }
    counts[bucket] &+= 1
    sumNanoseconds &+= nanoseconds
  }

  mutating func add(_ other: LatencyHistogram) {
    for bucket in counts.indices { counts[bucket] &+= other.counts[bucket] }
    sumNanoseconds &+= other.sumNanoseconds
  }
}

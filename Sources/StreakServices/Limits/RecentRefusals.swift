internal import StreakStore

/// Names that were refused lately, each with the end of its refusal, so that a flood is answered
/// from memory. Bounded: when full, the whole of the older generation is dropped. Its owner makes
/// sure that one thread at a time uses it.
struct RecentRefusals {
  /// Most names in one generation; there are two.
  static let namesPerGenerationMax = 4_096
  /// The most refusals of one name that are looked up and leave audit events; further ones are a
  /// flood.
  static let lookedUpMax = 16

  private struct Entry {
    /// On the machine's monotonic clock.
    var untilMilliseconds: UInt64
    var count: Int
  }

  private var entries = TwoGenerationCache<[UInt8], Entry>(generationWeightMax: namesPerGenerationMax)

  /// How long a name is still refused without a query, in milliseconds; nil if a query is needed.
  func waitMilliseconds(_ name: [UInt8], atMilliseconds now: UInt64) -> UInt64? {
    guard let entry = entries.value(for: name), entry.count >= Self.lookedUpMax, now < entry.untilMilliseconds
    else { return nil }
    return entry.untilMilliseconds - now
  }

  /// Notes that a name was refused.
  mutating func note(_ name: [UInt8], untilMilliseconds: UInt64, atMilliseconds now: UInt64) {
    let known = entries.value(for: name).flatMap { now < $0.untilMilliseconds ? $0.count : nil }
    entries.put(Entry(untilMilliseconds: untilMilliseconds, count: (known ?? 0) + 1), for: name)
  }

  /// The number of names kept.
  var count: Int { entries.count }
}

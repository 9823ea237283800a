internal import StreakStore

/// Admits a limited number of calls of each caller each second, with a burst of one second's calls.
/// In memory only, and bounded: when it is full, the whole of the older generation is dropped,
/// which admits too much rather than too little. Loop-confined.
final class LoadShedder<Key: Hashable> {
  /// Most callers in one generation; there are two.
  static var callersPerGenerationMax: Int { 8_192 }

  private let callsPerSecondMax: UInt64
  /// For each caller, when it would have a full burst again, in microseconds of the loop's clock.
  private var fullAt = TwoGenerationCache<Key, UInt64>(generationWeightMax: callersPerGenerationMax)

  /// - Parameter callsPerSecondMax: 0: everything is admitted.
  init(callsPerSecondMax: Int) { self.callsPerSecondMax = UInt64(clamping: callsPerSecondMax) }

  var isActive: Bool { callsPerSecondMax > 0 }

  /// Whether one more call is admitted; it is then counted.
  func admits(_ key: Key, atMilliseconds now: UInt64) -> Bool {
    guard isActive else { return true }
    let nowMicroseconds = now &* 1000
    let full = max(fullAt.value(for: key) ?? 0, nowMicroseconds) + max(1, 1_000_000 / callsPerSecondMax)
    guard full <= nowMicroseconds + 1_000_000 else { return false }
    fullAt.put(full, for: key)
    return true
  }

  /// The number of callers kept.
  var count: Int { fullAt.count }
}

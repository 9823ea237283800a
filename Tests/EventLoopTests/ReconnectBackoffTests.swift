import EventLoop
import Testing

@Suite("Reconnect backoff")
struct ReconnectBackoffTests {
  @Test("waits double up to the maximum, stay in the upper half, and start over", arguments: UInt64(0)..<64)
  func waits(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    var backoff = ReconnectBackoff(minMilliseconds: 50, maxMilliseconds: 1_000)
    for ceiling: UInt64 in [50, 100, 200, 400, 800, 1_000, 1_000] {
      let delay = backoff.nextDelayMilliseconds(using: &generator)
      #expect(((ceiling + 1) / 2...ceiling).contains(delay))
    }
    backoff.reset()
    #expect((25...50).contains(backoff.nextDelayMilliseconds(using: &generator)))
  }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

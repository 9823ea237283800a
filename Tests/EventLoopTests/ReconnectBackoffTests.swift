import EventLoop
import SplitMix
import Testing

@Suite("Reconnect backoff")
struct ReconnectBackoffTests {
  @Test("waits double up to the maximum, stay in the upper half, and start over", arguments: UInt64(0)..<64)
  func waits(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var backoff = ReconnectBackoff(minMilliseconds: 50, maxMilliseconds: 1_000)
    for ceiling: UInt64 in [50, 100, 200, 400, 800, 1_000, 1_000] {
      let delay = backoff.nextDelayMilliseconds(random: .random(in: 0..<1, using: &generator))
      #expect(((ceiling + 1) / 2...ceiling).contains(delay))
    }
    backoff.reset()
    #expect((25...50).contains(backoff.nextDelayMilliseconds(random: .random(in: 0..<1, using: &generator))))
  }
}

@testable import RPC
import Testing

struct LogRateLimiterTests {
  @Test("lines up to the limit pass in a second, and the next second's first line counts the others")
  func budget() {
    let budget = LogRateLimiter(linesPerSecondMax: 3)
    for _ in 0..<3 { #expect(budget.take(atMilliseconds: 5_000) == 0) }
    #expect(budget.take(atMilliseconds: 5_000) == nil && budget.take(atMilliseconds: 5_999) == nil)
    #expect(budget.take(atMilliseconds: 6_000) == 2)
    #expect(budget.take(atMilliseconds: 6_000) == 0)
  }
}

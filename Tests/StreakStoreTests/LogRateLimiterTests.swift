@testable import StreakStore
import Testing

struct LogRateLimiterTests {
  @Test("one message of a kind per second, with the count of those left out")
  func limiter() {
    let limiter = LogRateLimiter()
    #expect(limiter.admit("53100", second: 1) == 0)
    #expect(limiter.admit("53100", second: 1) == nil)
    #expect(limiter.admit("53100", second: 1) == nil)
    #expect(limiter.admit("25006", second: 1) == 0)
    #expect(limiter.admit("53100", second: 2) == 2)
    #expect(limiter.admit("53100", second: 2) == nil)
    #expect(limiter.admit("53100", second: 9) == 1)
  }

  @Test("in one second a limited number of kinds passes; the next second has room again")
  func limiterBound() {
    let limiter = LogRateLimiter()
    for index in 0..<LogRateLimiter.kindsMax { #expect(limiter.admit("\(index)", second: 1) == 0) }
    #expect(limiter.admit("one more", second: 1) == nil)
    #expect(limiter.admit("one more", second: 2) == 0)
  }

  @Test("lines up to the limit pass in a second, and the next second's first line counts the others")
  func limit() {
    let limiter = LogRateLimiter(linesPerSecondMax: 3)
    for _ in 0..<3 { #expect(limiter.admit("call", second: 5) == 0) }
    #expect(limiter.admit("call", second: 5) == nil && limiter.admit("call", second: 5) == nil)
    #expect(limiter.admit("call", second: 6) == 2)
    #expect(limiter.admit("call", second: 6) == 0)
  }
}

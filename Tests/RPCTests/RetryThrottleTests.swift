import Testing

@testable import RPC

@Suite("Retry throttle")
struct RetryThrottleTests {
  @Test("half of the tokens may be used up, not one more; ten successes make up for one failure")
  func tokens() {
    var throttle = RetryThrottle(tokensMax: 4)
    throttle.failed()
    #expect(throttle.isOpen)
    throttle.failed()
    #expect(!throttle.isOpen)
    throttle.succeeded()
    #expect(throttle.isOpen)
    throttle.failed()
    for _ in 0..<9 { throttle.succeeded() }
    #expect(!throttle.isOpen)
    throttle.succeeded()
    #expect(throttle.isOpen)
  }

  @Test("it has never more than its tokens, nor less than zero, and with zero tokens it is always open")
  func bounds() {
    var throttle = RetryThrottle(tokensMax: 2)
    for _ in 0..<100 { throttle.succeeded() }
    throttle.failed()
    #expect(!throttle.isOpen)
    for _ in 0..<100 { throttle.failed() }
    for _ in 0..<11 { throttle.succeeded() }
    #expect(throttle.isOpen)
    var none = RetryThrottle(tokensMax: 0)
    none.failed()
    #expect(none.isOpen)
  }
}

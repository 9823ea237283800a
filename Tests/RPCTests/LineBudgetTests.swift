@testable import RPC
import Testing

struct LineBudgetTests {
  @Test("so many lines pass in a second, one more does not, and the next second's first says how many did not")
  func budget() {
    let budget = LineBudget(linesPerSecondMax: 3)
    for _ in 0..<3 { #expect(budget.take(atMilliseconds: 5_000) == 0) }
    #expect(budget.take(atMilliseconds: 5_000) == nil && budget.take(atMilliseconds: 5_999) == nil)
    #expect(budget.take(atMilliseconds: 6_000) == 2)
    #expect(budget.take(atMilliseconds: 6_000) == 0)
  }
}

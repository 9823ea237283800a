import Testing

@testable import StreakLoad

@Suite("Plot")
struct PlotTests {
  @Test("round ticks enclose the values")
  func ticks() {
    #expect(Plot.linearTicks(0, 9, 5) == [0, 2, 4, 6, 8, 10])
    #expect(Plot.linearTicks(0, 0, 5).count >= 2)
    #expect(Decimals.grouped(1_234_567) == "1,234,567" && Decimals.grouped(-12) == "-12")
    #expect(Decimals.text(-0.5, 1) == "-0.5" && Decimals.text(0.05, 3, trimsZeros: true) == "0.05")
  }
}

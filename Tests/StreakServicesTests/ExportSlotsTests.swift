@testable import StreakServices
import Testing

struct ExportSlotsTests {
  @Test("as many exports as the limit run at once, one more does not, and an ended one makes room")
  func limit() {
    var limits = ExportLimits()
    limits.runningPerLoopMax = 3
    let slots = ExportSlots(limits: limits)
    for _ in 0..<3 { #expect(slots.take()) }
    #expect(!slots.take())
    slots.give()
    #expect(slots.take())
    #expect(!slots.take())
  }
}

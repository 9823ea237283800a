import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

@Suite("RecentTimeZones")
struct RecentTimeZonesTests {
  private func at(_ moment: Instant, offset: Int32) -> ClientTime {
    ClientTime(occurredAt: moment, zone: "x", utcOffsetSeconds: offset)
  }

  @Test("a completion that arrives late shows where the person was then, not now")
  func lateArrival() {
    var uses = RecentTimeZones()
    uses.note(at(noon, offset: 32_400), now: noon)
    uses.note(at(noon - 9 * dayMilliseconds, offset: -43_200), now: noon)
    #expect(uses.today(now: noon - 6 * hour) == today)
    uses.note(at(noon - 9 * dayMilliseconds, offset: 32_400), now: noon)
    #expect(uses.today(now: noon - 6 * hour) == today)  // an old use of a zone does not age a new one
  }

  @Test("the last zone stays when all uses are old, and a clock ahead counts as now")
  func oneOldUse() {
    var uses = RecentTimeZones()
    uses.note(at(noon + 400 * dayMilliseconds, offset: -43_200), now: noon)
    #expect(uses.today(now: noon + 3 * dayMilliseconds - hour) == today.advanced(by: 2))
    uses.note(at(noon + 3 * dayMilliseconds, offset: 0), now: noon + 3 * dayMilliseconds)
    #expect(uses.encoded.count == 16)
  }

  @Test("any stored bytes can be read and queried without a trap", arguments: seeds(64))
  func oddStorage(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let edges: [Int64] = [.min, .min + 1, -1, 0, 1, .max]
    for moment in edges {
      let zone = [UInt8](repeating: 0, count: 8)
      let bytes = zone + (0..<8).map { UInt8(truncatingIfNeeded: moment >> (56 - $0 * 8)) }
      for now in edges.map({ Instant(milliseconds: $0) }) {
        var uses = RecentTimeZones(encoded: bytes)
        _ = uses.today(now: now)
        let moment = Instant(milliseconds: generator.choice(of: edges))
        uses.note(at(moment, offset: 3_600), now: now)
        #expect(RecentTimeZones(encoded: uses.encoded) == uses, "seed \(seed)")
      }
    }
    let length = Int.random(in: 0...600, using: &generator)
    _ = RecentTimeZones(encoded: (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }).today(
      now: noon)
  }

  @Test("C51: today is the earliest date among the zones of the last 48 hours")
  func earliestZone() {
    var uses = RecentTimeZones()
    // 02:00Z: still yesterday in Los Angeles
    let morning = Instant(milliseconds: Int64(today.number) * dayMilliseconds + 2 * hour)
    uses.note(at(morning - hour, offset: 32_400), now: morning)
    #expect(uses.today(now: morning) == today)
    uses.note(at(morning, offset: -28_800), now: morning)
    #expect(uses.today(now: morning) == today.advanced(by: -1))
    let later = morning + RecentTimeZones.windowMilliseconds + 1
    uses.note(at(later, offset: 32_400), now: later)
    #expect(uses.encoded.count == 16)  // Los Angeles has left the window
  }

  @Test("a zone at the edge of the window counts, one past it does not")
  func windowEdge() {
    var uses = RecentTimeZones()
    uses.note(at(.epoch, offset: -43_200), now: .epoch)
    let edge = Instant(milliseconds: RecentTimeZones.windowMilliseconds)
    uses.note(at(edge, offset: 50_400), now: edge)
    #expect(uses.today(now: edge) == Day(1))
    #expect(uses.today(now: edge + 1) == Day(2))
  }

  @Test("at most 16 zones are kept, and they survive storage")
  func storage() {
    var uses = RecentTimeZones()
    for index in 0..<20 { uses.note(at(noon + Int64(index), offset: Int32(index) * 900), now: noon + 20) }
    #expect(uses.encoded.count == 16 * 16)
    #expect(RecentTimeZones(encoded: uses.encoded) == uses)
    #expect(RecentTimeZones(encoded: [1, 2, 3]) == RecentTimeZones())
    #expect(RecentTimeZones(encoded: [UInt8](repeating: 0xFF, count: 32)) == RecentTimeZones())
  }
}

import StreakDomain
@testable import StreakServices
import Testing

struct TransferTests {
  @Test("as many exports as the limit run at once, one more is refused, and an ended one makes room")
  func limit() {
    let slots = TransferSlots(countMax: 3)
    for _ in 0..<3 { #expect(slots.take()) }
    #expect(!slots.take())
    slots.give()
    #expect(slots.take())
    #expect(!slots.take())
  }

  @Test("one transfer of a user runs at a time, independent of others")
  func people() {
    let people = TransferringPeople()
    let (one, other) = (Identifier.random(), Identifier.random())
    #expect(people.take(one) && !people.take(one) && people.take(other))
    people.give(one)
    #expect(people.take(one))
  }

  @Test("a client is waited for as long as its rate allows, after the granted time")
  func pace() {
    var limits = ExportLimits()
    (limits.graceSeconds, limits.bytesPerSecondMin) = (2, 1_000)
    #expect(TransferPace.waitMillisecondsMax(byteCount: 0, limits: limits) == 2_000)
    #expect(TransferPace.waitMillisecondsMax(byteCount: 5_000, limits: limits) == 7_000)
  }

  @Test("a transfer waits for the one before it as often as the limit, and one attempt more is not made")
  func turns() async {
    for (freeAfter, isTaken) in [
      (0, true), (1, true), (TransferTurn.waitsMax, true), (TransferTurn.waitsMax + 1, false),
    ] {
      var (attempts, waits) = (0, 0)
      let taken = await TransferTurn.take {
        attempts += 1
        return waits >= freeAfter
      } pause: {
        waits += 1
      }
      #expect(taken == isTaken, "\(freeAfter)")
      #expect(waits == min(freeAfter, TransferTurn.waitsMax) && attempts == waits + 1)
    }
    #expect(TransferTurn.waitsMax == 20 && TransferTurn.waitMilliseconds == 50)
  }
}

@testable import StreakServices
import Testing

@Suite("The queue for password hashes")
struct FairQueueTests {
  private func stranger(_ name: UInt8) -> FairQueue.Party { .init(isKnown: false, name: [name]) }
  private func known(_ name: UInt8) -> FairQueue.Party { .init(isKnown: true, name: [name]) }

  private func order(_ line: FairQueue) -> [UInt64] {
    var line = line
    var order: [UInt64] = []
    while let next = line.removeFirst() { order.append(next) }
    #expect(line.isEmpty)
    return order
  }

  @Test("one party's calls keep their order")
  func oneParty() {
    var line = FairQueue(waitingMax: 4)
    for ticket: UInt64 in 1...4 { #expect(line.append(ticket, stranger(1)) == .waits) }
    #expect(line.append(5, stranger(1)) == .refused)
    #expect(line.count == 4 && order(line) == [1, 2, 3, 4])
  }

  @Test("the parties take turns")
  func rounds() {
    var line = FairQueue(waitingMax: 10)
    for ticket: UInt64 in 1...4 { _ = line.append(ticket, stranger(1)) }
    _ = line.append(5, stranger(2))
    _ = line.append(6, stranger(3))
    #expect(order(line) == [1, 5, 6, 2, 3, 4])
  }

  @Test("in a full queue the newest call of the party with most calls makes room for a party with fewer")
  func displacing() {
    var line = FairQueue(waitingMax: 3)
    for ticket: UInt64 in 1...3 { _ = line.append(ticket, stranger(1)) }
    #expect(line.append(4, stranger(2)) == .waitsInsteadOf(ticket: 3))
    // Two calls of one party and one of another: a second call of the latter would only swap the
    // two.
    #expect(line.append(5, stranger(2)) == .refused)
    #expect(line.append(6, stranger(3)) == .waitsInsteadOf(ticket: 2))
    #expect(line.append(7, stranger(4)) == .refused)
    #expect(order(line) == [1, 4, 6])
  }

  @Test("any number of strangers from anywhere neither keep a known party out of the queue nor delay its turn")
  func knownParties() {
    var line = FairQueue(waitingMax: 64)
    for ticket: UInt64 in 1...1_000 { _ = line.append(ticket, stranger(UInt8(truncatingIfNeeded: ticket))) }
    #expect(line.count == 64)
    #expect(line.append(2_000, known(1)) == .waits)
    #expect(line.append(2_001, known(2)) == .waits)
    #expect(order(line).prefix(4).filter { $0 >= 2_000 } == [2_000, 2_001])
  }

  @Test("the limit of each queue holds at the limit and one past it")
  func limits() {
    var line = FairQueue(waitingMax: 2)
    for kind in [known, stranger] {
      #expect(line.append(1, kind(1)) == .waits)
      #expect(line.append(2, kind(2)) == .waits)
      #expect(line.append(3, kind(3)) == .refused)
    }
    var none = FairQueue(waitingMax: 0)
    #expect(none.append(1, stranger(1)) == .refused)
  }

  @Test("a cancelled call leaves its place")
  func givingUp() {
    var line = FairQueue(waitingMax: 3)
    for ticket: UInt64 in 1...3 { _ = line.append(ticket, stranger(UInt8(ticket))) }
    line.remove(2)
    line.remove(9)
    #expect(line.append(4, stranger(4)) == .waits)
    #expect(order(line) == [1, 3, 4])
  }
}

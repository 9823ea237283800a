import SplitMix
import TestSupport
import Testing

@testable import StreakDomain

@Suite("The usual day: done by the author of everything before")
struct UsualDayTests {
  @Test("its result equals that of merging the statement", arguments: seeds(20))
  func equalsMerging(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let devices = (0..<2).map { Identifier(high: 1, low: UInt64($0)) }
    let trusts: [CellTrust] = [.counted, .quarantined(.backfill)]
    let notes: [String?] = [nil, "", "a", "b"]
    var (usual, all) = (0, 0)
    for _ in 0..<500 {
      var state: CellState?
      for step in 1...6 {
        let author = Author(
          stamp: Stamp(
            time: HybridTime(milliseconds: Int64.random(in: 1...9, using: &random)),
            id: StatementID(source: devices[Int.random(in: 0...1, using: &random)], seq: Int64(step))),
          seen: Bool.random(using: &random)
            ? .nothing : SeenStatements(devices.map { StatementID(source: $0, seq: Int64(step - 1)) }))
        let trust = CompletionTrust(trusts[Int.random(in: 0...1, using: &random)])
        let note = notes[Int.random(in: 0...3, using: &random)]
        var statements = state?.statements ?? DayStatements()
        if Int.random(in: 0..<5, using: &random) == 0 {
          statements.undo(statements.standing(knownTo: author), by: author)
        } else {
          let isUsual = CellState.replaces(state, doneBy: author, trust: trust, note: note)
          statements.complete(by: author, trust: statements.inheritedTrust(of: author) ?? trust)
          if let note { statements.note.state(note, by: author) }
          all += 1
          if isUsual {
            usual += 1
            var merged = state ?? Self.empty(author.stamp)
            merged.take(statements, last: author.stamp)
            var taken = state ?? Self.empty(author.stamp)
            taken.takeDone(author.stamp, trust: trust, note: note)
            #expect(merged == taken, "seed \(seed)")
          }
        }
        var next = state ?? Self.empty(author.stamp)
        next.take(statements, last: author.stamp)
        state = next
      }
    }
    #expect(usual > all / 10 && usual < all, "seed \(seed): \(usual) of \(all)")
  }

  private static func empty(_ stamp: Stamp) -> CellState {
    CellState(
      cell: CellContent(done: false, note: "", trust: .counted), version: 1, stamp: stamp,
      clientTime: ClientTime(
        occurredAt: Instant(milliseconds: 0), zone: "UTC", utcOffsetSeconds: 0, dayStartMinutes: 0),
      recordedAt: Instant(milliseconds: 0))
  }
}

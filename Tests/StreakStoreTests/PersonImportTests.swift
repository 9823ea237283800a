import StreakDomain
@testable import StreakStore
import Testing

@Suite("Limits of an imported document") struct PersonImportTests {
  @Test("as many habits as may be fit, and one more does not")
  func habits() {
    var document = PersonImport(importID: .random())
    document.ledger.habits = (0..<PersonImport.habitsMax).map { _ in .sample() }
    #expect(document.isWithinLimits)
    document.ledger.habits.append(.sample())
    #expect(!document.isWithinLimits)
  }

  @Test("the days of as many migrations as may be fit, and those of one more do not")
  func migrations() {
    var document = PersonImport(importID: .random())
    func add() {
      var cell = SavedLedger.Cell.sample(.random(), day: 20_000)
      cell.migrationID = .random()
      document.ledger.cells += [cell, cell]
    }
    for _ in 0..<PersonImport.migrationsMax { add() }
    #expect(document.isWithinLimits)
    add()
    #expect(!document.isWithinLimits)
  }
}

internal import StreakDomain
internal import Synchronization

/// What the last changes of people left, so that who changes the same again needs no load: one trip to the database instead of two.
///
/// It may be out of date, since other processes change people too. That does no harm: what is decided on it is stored only if the person's
/// change number is still the one remembered, and whoever changes anything that a decision reads raises that number. What needs no storing is
/// decided again on what is loaded.
final class LedgerMemory: Sendable {
  /// Habits, days and devices remembered of one person, at most: who changes more than that at once is catching up.
  static let rowsPerPersonMax = 4
  /// People remembered, at most: 30 MiB if all of them had the longest notes and descriptions. What was not used while half as many others were
  /// remembered is forgotten.
  static let peopleMax = 1_024

  /// A person's state as far as `rows` name it.
  struct Entry {
    let ledger: PersonLedger
    let rows: Set<LedgerRow>
    let hasOtherDevices: Bool
  }

  private struct Generations {
    var young: [Identifier: Entry] = [:]
    var old: [Identifier: Entry] = [:]
  }

  private let generations = Mutex(Generations())

  /// Takes out what is remembered of a person: whoever changes them puts back what it comes to.
  func take(_ userID: Identifier) -> Entry? {
    generations.withLock { $0.young.removeValue(forKey: userID) ?? $0.old.removeValue(forKey: userID) }
  }

  /// Remembers how a person's data stands, as stored.
  func put(_ userID: Identifier, _ entry: Entry) {
    generations.withLock { generations in
      generations.old[userID] = nil
      generations.young[userID] = entry
      guard generations.young.count >= Self.peopleMax / 2 else { return }
      generations.old = generations.young
      generations.young = [:]
    }
  }

  /// People remembered now.
  var count: Int { generations.withLock { $0.young.count + $0.old.count } }
}

/// What a change needs to know of a person: a device, and perhaps a habit, and perhaps a day of it.
struct LedgerRow: Hashable {
  var deviceID: Identifier
  var habitID: Identifier?
  var day: Int32?
}

extension LedgerMemory.Entry {
  /// What loading `rows` would give of a ledger whose changes are stored; nil if that is more than is remembered.
  init?(_ ledger: PersonLedger, rows: Set<LedgerRow>, hasOtherDevices: Bool) {
    guard rows.count <= LedgerMemory.rowsPerPersonMax else { return nil }
    var kept = PersonLedger(
      epoch: ledger.epoch, changeNumber: ledger.changeNumber, zones: ledger.zones, digest: ledger.digest,
      habitCount: ledger.habitCount, habitsMax: ledger.habitsMax)
    for row in rows {
      if let device = ledger.devices[row.deviceID] { kept.load(device: device, id: row.deviceID) }
      guard let habitID = row.habitID, let habit = ledger.habits[habitID] else { continue }
      kept.load(habit: habit, id: habitID)
      guard let day = row.day else { continue }
      let key = CellKey(habitID: habitID, day: Day(day))
      if let cell = ledger.cells[key] { kept.load(cell: cell, key: key) }
    }
    (self.ledger, self.rows, self.hasOtherDevices) = (kept, rows, hasOtherDevices)
  }
}

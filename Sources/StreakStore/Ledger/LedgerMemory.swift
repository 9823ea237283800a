internal import StreakDomain
internal import Synchronization

/// What the last changes of people left, so that who changes the same again needs no load: one trip
/// to the database instead of two.
///
/// It may be out of date, since other processes change people too. That does no harm: what is
/// decided on it is stored only if the person's change number is still the one remembered, and
/// whoever changes anything that a decision reads raises that number. What needs no storing is
/// decided again on what is loaded.
final class LedgerMemory: Sendable {
  /// Habits, days and devices remembered of one person, at most: who changes more than that at once
  /// is catching up.
  static let rowsPerPersonMax = 4

  /// A person's state as far as `rows` name it. An object, since it moves from table to table.
  final class Entry: Sendable {
    let ledger: PersonLedger
    let rows: Set<LedgerRow>
    /// About what it takes in memory.
    let bytes: Int

    /// A ledger of which `rows` were loaded and whose changes are stored; nil if that is more than
    /// is remembered.
    init?(_ ledger: borrowing PersonLedger, rows: Set<LedgerRow>) {
      guard rows.count <= LedgerMemory.rowsPerPersonMax else { return nil }
      self.ledger = ledger.settled
      self.rows = rows
      bytes = Self.bytes(self.ledger, rowCount: rows.count)
    }
  }

  private struct Generations {
    var young: [Identifier: Entry] = [:]
    var youngBytes = 0
    var old: [Identifier: Entry] = [:]
    var oldBytes = 0
    var remembered = 0
    var loaded = 0

    mutating func remove(_ userID: Identifier) -> Entry? {
      if let entry = young.removeValue(forKey: userID) {
        youngBytes -= entry.bytes
        return entry
      }
      let entry = old.removeValue(forKey: userID)
      oldBytes -= entry?.bytes ?? 0
      return entry
    }
  }

  /// All that is remembered together, at most, by `Entry.bytes`. What was not used while half as
  /// much of others was remembered is forgotten.
  private let bytesMax: Int
  private let generations = Mutex(Generations())

  /// - Parameter bytesMax: 0: nothing is remembered.
  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Takes out what is remembered of a person: whoever changes them puts back what it comes to.
  func take(_ userID: Identifier) -> Entry? {
    generations.withLock { $0.remove(userID) }
  }

  /// Remembers how a person's data stands, as stored.
  func put(_ userID: Identifier, _ entry: Entry) {
    generations.withLock { generations in
      guard entry.bytes <= bytesMax / 2 else { return }
      if generations.youngBytes + entry.bytes > bytesMax / 2 {
        (generations.old, generations.oldBytes) = (generations.young, generations.youngBytes)
        (generations.young, generations.youngBytes) = ([:], 0)
      }
      let previous = generations.young.updateValue(entry, forKey: userID)
      generations.youngBytes += entry.bytes - (previous?.bytes ?? 0)
    }
  }

  /// Counts people by whether what their changes needed was remembered.
  func countRecalls(remembered: Int, loaded: Int) {
    generations.withLock { generations in
      generations.remembered += remembered
      generations.loaded += loaded
    }
  }

  /// Any thread.
  var metrics: LedgerMemoryMetrics {
    generations.withLock { generations in
      LedgerMemoryMetrics(
        remembered: generations.remembered, loaded: generations.loaded,
        bytes: generations.youngBytes + generations.oldBytes)
    }
  }

  /// People remembered now.
  var count: Int { generations.withLock { $0.young.count + $0.old.count } }
}

/// What remembering people's data spares, and costs.
public struct LedgerMemoryMetrics: Sendable {
  /// How often what a change needed to know of a person was remembered.
  public let remembered: Int
  /// How often it was loaded from the database instead.
  public let loaded: Int
  /// About what takes up memory now.
  public let bytes: Int
}

/// What a change needs to know of a person besides their head: perhaps a habit, and perhaps a day
/// of it.
struct LedgerRow: Hashable {
  var habitID: Identifier?
  var day: Int32?
}

extension LedgerMemory.Entry {
  // Tables with room for the next element, arrays of stamps and zones. Measured with one row each
  // of 2,500 people: 92 to 101 % of this.
  private static let bytesOfPerson = 1_024
  private static let bytesOfRow = 1_024

  private static func bytes(_ ledger: borrowing PersonLedger, rowCount: Int) -> Int {
    var sum = bytesOfPerson + rowCount * bytesOfRow
    for habit in ledger.habits.values { sum += habit.fields.name.utf8.count + habit.fields.description.utf8.count }
    for cell in ledger.cells.values { sum += cell.cell.note.utf8.count + cell.made.zone.utf8.count }
    return sum
  }
}

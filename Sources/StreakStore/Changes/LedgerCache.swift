internal import StreakDomain
internal import Synchronization

/// The state of recently changed users, so that the next change of the same rows needs no load: one
/// round trip instead of two.
///
/// An entry may be out of date, since other processes change users too. That does no harm: a
/// decision on it is stored only if the user's change number is still the cached one, and every
/// change of the rows that a decision reads raises that number. A decision that stores nothing is
/// repeated on loaded state.
final class LedgerCache: Sendable {
  /// Most habits and days cached of one user: a larger change is a device that catches up.
  static let rowsPerPersonMax = 4

  /// A user's state as far as `rows` name it. An object, since it moves between generations.
  final class Entry: Sendable {
    let ledger: PersonLedger
    let rows: Set<StateKey>
    /// About what it takes in memory.
    let bytes: Int

    /// A ledger of which `rows` were loaded and whose changes are stored; nil if these are too
    /// many.
    init?(_ ledger: borrowing PersonLedger, rows: Set<StateKey>) {
      guard rows.count <= LedgerCache.rowsPerPersonMax else { return nil }
      self.ledger = ledger.withoutChanges
      self.rows = rows
      bytes = Self.bytes(self.ledger, rowCount: rows.count)
    }
  }

  private struct Generations {
    var young: [Identifier: Entry] = [:]
    var youngBytes = 0
    var old: [Identifier: Entry] = [:]
    var oldBytes = 0
    var hits = 0
    var misses = 0

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

  /// Most bytes of all entries, by `Entry.bytes`. An entry that is not used while half as many
  /// bytes of others are stored is dropped.
  private let bytesMax: Int
  private let generations = Mutex(Generations())

  /// - Parameter bytesMax: 0: nothing is cached.
  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Takes out the entry of a user; the change puts the new state back.
  func take(_ userID: Identifier) -> Entry? {
    generations.withLock { $0.remove(userID) }
  }

  /// Stores the state of a user's data as it is in the database.
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

  /// Counts users by whether the cache had the state that their changes needed.
  func countLookups(hits: Int, misses: Int) {
    generations.withLock { generations in
      generations.hits += hits
      generations.misses += misses
    }
  }

  /// Any thread.
  var metrics: LedgerCacheMetrics {
    generations.withLock { generations in
      LedgerCacheMetrics(
        hits: generations.hits, misses: generations.misses,
        bytes: generations.youngBytes + generations.oldBytes)
    }
  }

  /// Cached users.
  var count: Int { generations.withLock { $0.young.count + $0.old.count } }
}

/// The use and size of the cache.
public struct LedgerCacheMetrics: Sendable {
  /// How often the cache had the state that a change needed.
  public let hits: Int
  /// How often it was loaded from the database instead.
  public let misses: Int
  /// Approximate memory in use.
  public let bytes: Int
}

/// What a change needs to know of a person besides their head: perhaps a habit, and perhaps a day
/// of it.
struct StateKey: Hashable {
  var habitID: Identifier?
  var day: Int32?
}

extension LedgerCache.Entry {
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

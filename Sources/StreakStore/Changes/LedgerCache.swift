internal import StreakDomain
internal import Synchronization

/// A cache of recently changed users, so that the next change of the same data needs no load: one
/// round trip to the database instead of two.
///
/// An entry may be out of date, because other processes change users too. That is safe: a decision
/// on it is stored only if the user's change number is still the cached one, and every change of
/// data that a decision reads raises that number. A decision that stores nothing is repeated on
/// loaded data.
final class LedgerCache: Sendable {
  /// Most habits, days and devices cached per user: a change of more rows at once is a catch-up.
  static let rowsPerPersonMax = 4

  /// A user's state as far as `rows` name it. An object, because it moves between tables.
  final class Entry: Sendable {
    let ledger: PersonLedger
    let rows: Set<StateKey>
    /// Its approximate size in memory.
    let bytes: Int

    /// A ledger with the loaded `rows` whose changes are stored; nil if it exceeds the limit of
    /// rows.
    ///
    /// - Parameter storedUse: The stored use, if nothing was stored: calls that change nothing are
    ///   counted in the ledger only. Nil: the ledger's.
    init?(_ ledger: borrowing PersonLedger, rows: Set<StateKey>, storedUse: StorageUse? = nil) {
      guard rows.count <= LedgerCache.rowsPerPersonMax else { return nil }
      self.ledger = storedUse.map { ledger.withoutChanges(use: $0) } ?? ledger.withoutChanges
      self.rows = rows
      bytes = Self.bytes(self.ledger, rowCount: rows.count)
    }
  }

  private struct State {
    var entries: TwoGenerationCache<Identifier, Entry>
    var hits = 0
    var misses = 0
  }

  private let state: Mutex<State>

  /// - Parameter bytesMax: Most bytes of all entries, by `Entry.bytes`: an entry is dropped if it
  ///   was not used while half as many bytes of other entries were added. 0: no cache.
  init(bytesMax: Int) { state = Mutex(State(entries: TwoGenerationCache(generationWeightMax: bytesMax / 2))) }

  /// Removes a user's entry: the change that takes it puts the new state back.
  func take(_ userID: Identifier) -> Entry? {
    state.withLock { $0.entries.remove(userID) }
  }

  /// Caches a user's stored state.
  func put(_ userID: Identifier, _ entry: Entry) {
    state.withLock { $0.entries.put(entry, for: userID, weight: entry.bytes) }
  }

  /// Counts users by whether their changes' data was cached.
  func countLookups(hits: Int, misses: Int) {
    state.withLock { state in
      state.hits += hits
      state.misses += misses
    }
  }

  /// Any thread.
  var metrics: LedgerCacheMetrics {
    state.withLock { LedgerCacheMetrics(hits: $0.hits, misses: $0.misses, bytes: $0.entries.weight) }
  }

  /// Users in the cache.
  var count: Int { state.withLock { $0.entries.count } }
}

/// The cache's hits, misses and size.
public struct LedgerCacheMetrics: Sendable {
  /// Hits: the data that a change needed was cached.
  public let hits: Int
  /// Misses: it was loaded from the database.
  public let misses: Int
  /// Approximate size in memory.
  public let bytes: Int
}

/// The data that a change needs besides the head: optionally a habit, and a day of it.
struct StateKey: Hashable {
  var habitID: Identifier?
  var day: Int32?
}

extension PersonLedger {
  /// The same state without changes and notices, and with another use.
  fileprivate func withoutChanges(use: StorageUse) -> PersonLedger {
    var ledger = PersonLedger(
      epoch: epoch, firstDay: firstDay, changeNumber: changeNumber, zones: zones, digest: digest,
      habitCount: habitCount, sources: sources, settings: settings, habitsMax: habitsMax, use: use, quotas: quotas)
    for (id, habit) in habits { ledger.load(habit: habit, id: id) }
    for (key, cell) in cells { ledger.load(cell: cell, key: key) }
    return ledger
  }
}

extension LedgerCache.Entry {
  // Tables with room for the next element, arrays of stamps and zones. Measured with one row each
  // of 2,500 users: 92 to 101 % of this.
  private static let bytesOfPerson = 1_024
  private static let bytesOfRow = 1_024

  private static func bytes(_ ledger: borrowing PersonLedger, rowCount: Int) -> Int {
    var sum = bytesOfPerson + rowCount * bytesOfRow
    for habit in ledger.habits.values { sum += habit.fields.name.utf8.count + habit.fields.description.utf8.count }
    for cell in ledger.cells.values { sum += cell.cell.note.utf8.count + cell.clientTime.zone.utf8.count }
    return sum
  }
}

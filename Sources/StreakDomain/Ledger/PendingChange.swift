/// What a ledger needs for a change in progress, besides the state itself.
struct PendingChange: Sendable {
  var changes = LedgerChanges()
  /// The standing statements about a habit's days that are not among the ledger's cells.
  var loadedActivity: [Identifier: [StatementID]] = [:]
  /// Habits whose cells are all among the ledger's cells.
  var wholeHabits: Set<Identifier> = []
  /// Summaries before the first change.
  var originalSummaries: [Identifier: StreakSummary] = [:]
  /// Days that have begun to count since then, less those that no longer do.
  var countedBalance: [Identifier: Int] = [:]
}

extension CopyOnWrite<PendingChange> {
  /// No change: one value for all ledgers.
  static let empty = CopyOnWrite(PendingChange())
}

/// A value with many parts in one allocation, so that a copy costs one reference. A change copies
/// the value first if another copy shares it.
struct CopyOnWrite<Value: Sendable>: Sendable {
  private final class Box: @unchecked Sendable {
    // Sendable because `value` is changed only while one copy holds the only reference.
    var value: Value

    init(_ value: Value) { self.value = value }
  }

  private var box: Box

  init(_ value: Value) { box = Box(value) }

  var value: Value {
    _read { yield box.value }
    _modify {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
      yield &box.value
    }
  }
}

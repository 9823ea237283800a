package import StreakStore

/// Notes erasures in the erasure ledger outside of the database. An erasure is answered once it has
/// been noted, or once noting it has failed: the database has the erasure, and the program that
/// keeps the ledger notes it later.
package struct ErasureRecorder: Sendable {
  let note: @Sendable (ErasureRecords) async -> Void

  package init(_ note: @escaping @Sendable (ErasureRecords) async -> Void) {
    self.note = note
  }

  /// There is no ledger outside of the database.
  package static let none = ErasureRecorder { _ in }
}

package import StreakDomain

/// The data of an exported document for an empty account.
package struct PersonImport: Sendable {
  package var importID: Identifier
  package var ledger = SavedLedger()
  /// Earlier states of cells of the ledger.
  package var history: [EarlierCellEntry] = []
  package var notices: [(id: Identifier, notice: Notice)] = []
  package var rejectedEntries: [RejectedEntryRecord] = []
  package var rejectedOperations: [RejectedOperationRecord] = []
  /// SHA-256 of its seal, if this service sealed it and it was imported into no other account: its
  /// days keep their status.
  package var sealedHash: [UInt8]?
  /// The highest number among the document's versions.
  package var highestVersion: Int64 = 0

  package init(importID: Identifier) {
    self.importID = importID
  }
}

/// The outcome of an import.
package enum ImportOutcome: Sendable, Equatable {
  /// Done, and durable; or done before. The reply.
  case imported([UInt8])
  case notEmpty
  case habitLimit
  /// Its texts or its inbox exceed a user's quota.
  case tooLarge
}

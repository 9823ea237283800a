public import StreakDomain

/// What an exported document brings into an empty account.
public struct PersonImport: Sendable {
  public var importID: Identifier
  public var ledger = SavedLedger()
  /// Earlier states of cells of the ledger.
  public var history: [EarlierCellEntry] = []
  public var notices: [(id: Identifier, notice: Notice)] = []
  public var rejectedEntries: [RejectedEntryRecord] = []
  public var rejectedOperations: [RejectedOperationRecord] = []
  /// SHA-256 of its seal, if this service sealed it and it came into no other account: its days
  /// count as they did.
  public var sealedHash: [UInt8]?
  /// The highest number among the document's versions.
  public var highestVersion: Int64 = 0

  public init(importID: Identifier) {
    self.importID = importID
  }
}

/// What an import came to.
public enum ImportOutcome: Sendable, Equatable {
  /// It is done, and durable; or had been done before. The reply.
  case imported([UInt8])
  case notEmpty
  case habitLimit
  /// Its texts or its inbox are more than one person may have.
  case tooLarge
}

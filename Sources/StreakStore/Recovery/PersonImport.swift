public import StreakDomain

/// The data of an exported document for an empty account.
public struct PersonImport: Sendable {
  public var importID: Identifier
  public var ledger = SavedLedger()
  /// Earlier states of cells of the ledger.
  public var history: [EarlierCellEntry] = []
  public var notices: [(id: Identifier, notice: Notice)] = []
  public var rejectedEntries: [RejectedEntry] = []
  public var rejectedOperations: [RejectedOperation] = []
  /// SHA-256 of its seal, if this service sealed it and it was imported into no other account: its
  /// days keep their status.
  public var sealedHash: [UInt8]?
  /// The highest number among the document's versions.
  public var highestVersion: Int64 = 0

  public init(importID: Identifier) {
    self.importID = importID
  }
}

/// The outcome of an import.
public enum ImportOutcome: Sendable, Equatable {
  /// Done, and durable; or done before. The reply.
  case imported([UInt8])
  case notEmpty
  case habitLimit
  /// Its texts or its inbox exceed a user's quota.
  case tooLarge
}

public import StreakDomain

/// The data of an exported document.
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

  /// Most habits of a document, deleted ones among them.
  public static let habitsMax = 10_000
  /// Most migrations whose days a document has: each is a source of statements, which every deleted
  /// habit names.
  public static let migrationsMax = StreakDomain.Sources.countMax

  public init(importID: Identifier) {
    self.importID = importID
  }

  var isWithinLimits: Bool {
    ledger.habits.count <= Self.habitsMax
      && Set(ledger.cells.lazy.compactMap(\.migrationID)).count <= Self.migrationsMax
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

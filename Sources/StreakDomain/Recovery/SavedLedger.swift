/// A person's habits and days at an earlier moment, from a backup or from an exported document.
public struct SavedLedger: Equatable, Sendable {
  public struct Cell: Equatable, Sendable {
    public var key: CellKey
    public var cell: CellContent
    public var clientTime: ClientTime
    public var recordedAt: Instant
    public var migrationID: Identifier?
    /// The change number of the saved ledger's change.
    public var version: Int64

    public init(
      key: CellKey, cell: CellContent, clientTime: ClientTime, recordedAt: Instant, migrationID: Identifier? = nil,
      version: Int64 = 0
    ) {
      self.key = key
      self.cell = cell
      self.clientTime = clientTime
      self.recordedAt = recordedAt
      self.migrationID = migrationID
      self.version = version
    }
  }

  public var habits: [HabitEntry] = []
  /// Cells of these habits only.
  public var cells: [Cell] = []
  /// The start of the person's day, in minutes after midnight.
  public var dayStartMinutes: Int32 = 0

  public init() {}
}

/// The result for one restored habit.
public struct RestoredHabit: Equatable, Sendable {
  public let habitID: Identifier
  /// The account's summary of the habit before.
  public let before: StreakSummary
  /// It was missing or deleted, and exists now.
  public internal(set) var returns = false
  /// Days that were missing.
  public internal(set) var daysReturning: [Day] = []
  /// Existing days whose value has changed.
  public internal(set) var daysChanging: [Day] = []
  /// Days with another note, which stays.
  public internal(set) var daysConflicting: [Day] = []
  /// A field with another value, which stays.
  public internal(set) var hasFieldConflict = false

  /// Whether there is anything to show about it.
  public var isTouched: Bool {
    returns || hasFieldConflict || !daysReturning.isEmpty || !daysChanging.isEmpty || !daysConflicting.isEmpty
  }
}

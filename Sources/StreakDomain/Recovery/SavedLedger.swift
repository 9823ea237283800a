/// Habits and days as a person had them at some moment: out of a backup, or out of an exported
/// document.
public struct SavedLedger: Equatable, Sendable {
  public struct Cell: Equatable, Sendable {
    public var key: CellKey
    public var cell: CellContent
    public var made: ClientTime
    public var recordedAt: Instant
    public var migrationID: Identifier?
    /// The change number that it had.
    public var version: Int64

    public init(
      key: CellKey, cell: CellContent, made: ClientTime, recordedAt: Instant, migrationID: Identifier? = nil,
      version: Int64 = 0
    ) {
      self.key = key
      self.cell = cell
      self.made = made
      self.recordedAt = recordedAt
      self.migrationID = migrationID
      self.version = version
    }
  }

  public var habits: [HabitEntry] = []
  /// Only of these habits.
  public var cells: [Cell] = []

  public init() {}
}

/// What became of one habit that was brought back.
public struct RestoredHabit: Equatable, Sendable {
  public let habitID: Identifier
  /// What the account's habit counted before.
  public let before: StreakSummary
  /// It was not there, or deleted, and now it is.
  public internal(set) var returns = false
  /// Days that were not there.
  public internal(set) var daysReturning: [Day] = []
  /// Days that were there with another value and have changed.
  public internal(set) var daysChanging: [Day] = []
  /// Days with another note, which stays.
  public internal(set) var daysConflicting: [Day] = []
  /// A field with another value, which stays.
  public internal(set) var hasFieldConflict = false

  /// Whether anything of it is to be shown.
  public var isTouched: Bool {
    returns || hasFieldConflict || !daysReturning.isEmpty || !daysChanging.isEmpty || !daysConflicting.isEmpty
  }
}

/// Habits and days as a person had them at some moment: out of a backup, or out of an exported
/// document.
public struct SavedLedger: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var id: Identifier
    public var fields: HabitFields
    public var createdAtMilliseconds: Int64
    public var isDeleted: Bool
    /// The id is another name of that habit.
    public var aliasOf: Identifier?

    public init(
      id: Identifier, fields: HabitFields, createdAtMilliseconds: Int64, isDeleted: Bool = false,
      aliasOf: Identifier? = nil
    ) {
      self.aliasOf = aliasOf
      self.id = id
      self.fields = fields
      self.createdAtMilliseconds = createdAtMilliseconds
      self.isDeleted = isDeleted
    }
  }

  public struct Cell: Equatable, Sendable {
    public var key: CellKey
    public var cell: LedgerCell
    public var made: LocalTime
    public var recordedAtMilliseconds: Int64
    public var migrationID: Identifier?

    public init(
      key: CellKey, cell: LedgerCell, made: LocalTime, recordedAtMilliseconds: Int64, migrationID: Identifier? = nil
    ) {
      self.key = key
      self.cell = cell
      self.made = made
      self.recordedAtMilliseconds = recordedAtMilliseconds
      self.migrationID = migrationID
    }
  }

  public var habits: [Habit] = []
  /// Only of these habits.
  public var cells: [Cell] = []

  public init() {}
}

/// What became of one habit that was brought back.
public struct BroughtBackHabit: Equatable, Sendable {
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

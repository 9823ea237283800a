/// What a device sends: the next of its queue, and how far it has read.
public struct SyncSubmission: Equatable, Sendable {
  /// The account that the queue belongs to.
  public var userID: Identifier
  public var cursor: Cursor
  /// Where a pull that takes several responses goes on; empty otherwise.
  public var resume: [UInt8]
  public var operations: [Operation]
  /// With these the queue is empty.
  public var nothingLeft: Bool
  /// Habits that the server may have lost: they are made before the operations are decided.
  public var restatedHabits: [SyncChanges.Habit]
  /// The earliest operation that the device can still send; 0: none.
  public var oldestKeptSeq: Int64
  /// Of what the device has received, if all of it belongs to `cursor`.
  public var digest: StateDigest?

  public init(
    userID: Identifier, cursor: Cursor, resume: [UInt8] = [], operations: [Operation] = [], nothingLeft: Bool = false,
    restatedHabits: [SyncChanges.Habit] = [], oldestKeptSeq: Int64 = 0, digest: StateDigest? = nil
  ) {
    self.userID = userID
    self.cursor = cursor
    self.resume = resume
    self.operations = operations
    self.nothingLeft = nothingLeft
    self.restatedHabits = restatedHabits
    self.oldestKeptSeq = oldestKeptSeq
    self.digest = digest
  }
}

/// What a device gets: outcomes, and some of what has changed.
public struct SyncChanges: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var id: Identifier
    public var fields: HabitFields
    /// Of one that is restated: the id is another name of that habit.
    public var aliasOf: Identifier?

    public init(id: Identifier, fields: HabitFields, aliasOf: Identifier? = nil) {
      self.id = id
      self.fields = fields
      self.aliasOf = aliasOf
    }
  }

  public struct Cell: Equatable, Sendable {
    public var key: CellKey
    public var cell: CellContent
    /// The change number of its last change.
    public var version: Int64
    /// The completions that stand.
    public var completions: [StatementID]

    public init(key: CellKey, cell: CellContent, version: Int64, completions: [StatementID]) {
      self.key = key
      self.cell = cell
      self.version = version
      self.completions = completions
    }
  }

  public struct IdentifiedNotice: Equatable, Sendable {
    public var id: Identifier
    public var notice: Notice

    public init(id: Identifier, notice: Notice) {
      self.id = id
      self.notice = notice
    }
  }

  public var outcomes: [OperationOutcome] = []
  /// What was received before is void.
  public var isReset = false
  public var habits: [Habit] = []
  public var deletedHabits: [Identifier] = []
  /// By an id that a habit had: the one that it has now.
  public var aliases: [Identifier: Identifier] = [:]
  public var cells: [Cell] = []
  public var notices: [IdentifiedNotice] = []
  public var cursor: Cursor
  public var resume: [UInt8] = []
  public var hasMore = false
  /// Of the whole state at the cursor; nil while there is more.
  public var digest: StateDigest?
  /// The last operation of this device that the server holds.
  public var lastSeq: Int64 = 0
  /// What the device has seen with this response, besides its own operations; nil while there is
  /// more.
  public var seen: SeenStatements?
  /// The latest time among the changes' statements: the device's clock goes on from there.
  public var latestTime = HybridTime.zero
  /// When the person's day begins, in minutes after midnight; nil: as before.
  public var dayStartMinutes: Int32?

  public init(cursor: Cursor) { self.cursor = cursor }
}

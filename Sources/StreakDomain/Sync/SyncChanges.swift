/// A device's request: the next operations of its queue, and its position of reading.
public struct SyncSubmission: Equatable, Sendable {
  /// The account that the queue belongs to.
  public var userID: Identifier
  public var cursor: Cursor
  /// The position in a pull of several responses; empty otherwise.
  public var resume: [UInt8]
  public var operations: [Operation]
  /// With these operations the queue is empty.
  public var queueDrained: Bool
  /// Habits that the server may have lost: they are made before the operations are decided.
  public var restatedHabits: [SyncChanges.Habit]
  /// The earliest operation that the device can still send; 0: none.
  public var oldestKeptSeq: Int64
  /// The last operation whose decision the device knows; 0: none.
  public var acknowledgedSeq: Int64
  /// The digest of the received state, if all of it belongs to `cursor`.
  public var digest: StateDigest?

  public init(
    userID: Identifier, cursor: Cursor, resume: [UInt8] = [], operations: [Operation] = [], queueDrained: Bool = false,
    restatedHabits: [SyncChanges.Habit] = [], oldestKeptSeq: Int64 = 0, acknowledgedSeq: Int64 = 0,
    digest: StateDigest? = nil
  ) {
    self.userID = userID
    self.cursor = cursor
    self.resume = resume
    self.operations = operations
    self.queueDrained = queueDrained
    self.restatedHabits = restatedHabits
    self.oldestKeptSeq = oldestKeptSeq
    self.acknowledgedSeq = acknowledgedSeq
    self.digest = digest
  }
}

/// The response to a device: outcomes, and some of the changes.
public struct SyncChanges: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var id: Identifier
    public var fields: HabitFields
    /// For a restated habit: the id is an alias of this habit.
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
  /// Everything received before is void.
  public var isReset = false
  public var habits: [Habit] = []
  public var deletedHabits: [Identifier] = []
  /// The current id by each former id of a habit.
  public var aliases: [Identifier: Identifier] = [:]
  public var cells: [Cell] = []
  public var notices: [IdentifiedNotice] = []
  public var cursor: Cursor
  public var resume: [UInt8] = []
  public var hasMore = false
  /// The digest of the whole state at the cursor; nil while there is more.
  public var digest: StateDigest?
  /// The last operation of this device that the server holds.
  public var lastSeq: Int64 = 0
  /// The sources that the device knows with this response, besides its own operations; nil while
  /// there is more.
  public var seen: SeenStatements?
  /// The latest time among the changes' statements: the device's clock continues from there.
  public var latestTime = HybridTime.zero
  /// The start of the person's day, in minutes after midnight; nil: unchanged.
  public var dayStartMinutes: Int32?
  /// The zones that the account's completions were made in lately; nil while there is more.
  public var zones: RecentTimeZones?

  public init(cursor: Cursor) { self.cursor = cursor }
}

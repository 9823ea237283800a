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

  public init(userID: Identifier, cursor: Cursor, resume: [UInt8], operations: [Operation], nothingLeft: Bool) {
    self.userID = userID
    self.cursor = cursor
    self.resume = resume
    self.operations = operations
    self.nothingLeft = nothingLeft
  }
}

/// What a device gets: outcomes, and some of what has changed.
public struct SyncChanges: Equatable, Sendable {
  public struct Habit: Equatable, Sendable {
    public var id: Identifier
    public var fields: HabitFields

    public init(id: Identifier, fields: HabitFields) {
      self.id = id
      self.fields = fields
    }
  }

  public struct Cell: Equatable, Sendable {
    public var key: CellKey
    public var cell: LedgerCell
    /// By which a cell's changes are ordered, so that an old response does no harm.
    public var version: Int64

    public init(key: CellKey, cell: LedgerCell, version: Int64) {
      self.key = key
      self.cell = cell
      self.version = version
    }
  }

  public struct Told: Equatable, Sendable {
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
  public var cells: [Cell] = []
  public var notices: [Told] = []
  public var cursor: Cursor
  public var resume: [UInt8] = []
  public var hasMore = false
  /// Of the whole state at the cursor; nil while there is more.
  public var digest: StateDigest?

  public init(cursor: Cursor) { self.cursor = cursor }
}

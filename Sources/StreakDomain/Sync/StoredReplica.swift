/// A device's whole replica, for storage.
public struct StoredReplica: Equatable, Sendable {
  public var userID: Identifier
  public var deviceID: Identifier
  public var clock: HybridClock
  public var habits: [Identifier: HabitFields]
  public var cells: [CellKey: SyncChanges.Cell]
  public var notices: [Identifier: Notice]
  public var digest: StateDigest
  public var cursor: Cursor
  /// The position in a pull of several responses; empty otherwise.
  public var resume: [UInt8]
  /// In any order.
  public var queue: [Operation]
  public var kept: [DeviceReplica.Kept]
  public var rejected: [DeviceReplica.Rejected]
  /// The number given last.
  public var lastSeq: Int64
  public var formerHabits: [Identifier: HabitFields]
  public var deletedHabits: [Identifier: HabitFields]
  public var aliases: [Identifier: Identifier]
  /// The sources known since the last complete pull.
  public var seen: SeenStatements
  public var dayStartMinutes: Int32

  public init(
    userID: Identifier, deviceID: Identifier, clock: HybridClock = HybridClock(),
    habits: [Identifier: HabitFields] = [:], cells: [CellKey: SyncChanges.Cell] = [:],
    notices: [Identifier: Notice] = [:], digest: StateDigest = .empty, cursor: Cursor = .start, resume: [UInt8] = [],
    queue: [Operation] = [], kept: [DeviceReplica.Kept] = [], rejected: [DeviceReplica.Rejected] = [],
    lastSeq: Int64 = 0,
    formerHabits: [Identifier: HabitFields] = [:], deletedHabits: [Identifier: HabitFields] = [:],
    aliases: [Identifier: Identifier] = [:], seen: SeenStatements = .nothing, dayStartMinutes: Int32 = 0
  ) {
    self.userID = userID
    self.deviceID = deviceID
    self.clock = clock
    self.habits = habits
    self.cells = cells
    self.notices = notices
    self.digest = digest
    self.cursor = cursor
    self.resume = resume
    self.queue = queue
    self.kept = kept
    self.rejected = rejected
    self.lastSeq = lastSeq
    self.formerHabits = formerHabits
    self.deletedHabits = deletedHabits
    self.aliases = aliases
    self.seen = seen
    self.dayStartMinutes = dayStartMinutes
  }

  /// The digest computed from the content, independent of `digest`.
  public var computedDigest: StateDigest {
    var sum = AccountSettings.itemDigest(dayStartMinutes: dayStartMinutes)
    for (id, fields) in habits { sum += HabitState.itemDigest(habitID: id, fields) }
    for (key, cell) in cells { sum += CellState.itemDigest(key, cell.cell) }
    return sum
  }
}

/// The changes of a replica since it was stored: each item is to be written in its current form, or
/// removed if it does not exist any more. Clock, cursor, digest and numbers are small and always
/// written.
public struct ReplicaChanges: Equatable, Sendable {
  public internal(set) var habits: Set<Identifier> = []
  public internal(set) var cells: Set<CellKey> = []
  public internal(set) var notices: Set<Identifier> = []
  /// By number: `DeviceReplica.operation`.
  public internal(set) var operations: Set<Int64> = []
  public internal(set) var formerHabits: Set<Identifier> = []
  public internal(set) var deletedHabits: Set<Identifier> = []
  public internal(set) var aliases: Set<Identifier> = []
  /// By hybrid time.
  public internal(set) var rejected: Set<HybridTime> = []

  public init() {}
}

/// What the counted days of a habit add up to: a cache of a pure function of the ledger.
public struct SummaryRecord: Sendable, Equatable {
  /// Number of counted days.
  public var totalDays: Int32
  /// Length in days of the longest run.
  public var longestRun: Int32
  /// First and last day of the last run; both 0 if no day counts.
  public var lastRunFirstDay: Int32
  public var lastRunLastDay: Int32

  /// No day counts.
  public static let empty = SummaryRecord(totalDays: 0, longestRun: 0, lastRunFirstDay: 0, lastRunLastDay: 0)

  public init(totalDays: Int32, longestRun: Int32, lastRunFirstDay: Int32, lastRunLastDay: Int32) {
    self.totalDays = totalDays
    self.longestRun = longestRun
    self.lastRunFirstDay = lastRunFirstDay
    self.lastRunLastDay = lastRunLastDay
  }
}

/// What a change of one cell is decided on: the person's state, read in one statement.
public struct LedgerState: Sendable, Equatable {
  /// The number of the person's last change. A change takes effect only while this is still so.
  public var changeNumber: Int64
  /// Zones used lately, as StreakDomain writes them.
  public var zoneUses: [UInt8]
  /// When the device that makes the change signed in first; nil if it is unknown.
  public var deviceRegisteredAt: Moment?
  /// Nil: the person has no such habit.
  public var summary: SummaryRecord?
  public var habitIsArchived: Bool
  /// What the cell holds now; nil: nothing.
  public var cell: CellRecord?

  public init(
    changeNumber: Int64, zoneUses: [UInt8], deviceRegisteredAt: Moment?, summary: SummaryRecord?,
    habitIsArchived: Bool, cell: CellRecord?
  ) {
    self.changeNumber = changeNumber
    self.zoneUses = zoneUses
    self.deviceRegisteredAt = deviceRegisteredAt
    self.summary = summary
    self.habitIsArchived = habitIsArchived
    self.cell = cell
  }
}

/// What is to become of a cell.
public struct CellChange: Sendable, Equatable {
  /// The new state; its version is the store's to give.
  public var cell: CellRecord
  public var zoneUses: [UInt8]

  public init(cell: CellRecord, zoneUses: [UInt8]) {
    self.cell = cell
    self.zoneUses = zoneUses
  }
}

/// A cell and the streak of its habit, as they are now.
public struct ChangedLedger: Sendable, Equatable {
  public var cell: CellRecord
  public var summary: SummaryRecord
  public var zoneUses: [UInt8]
  public var habitIsArchived: Bool
}

public import StreakDomain

/// What a change of one cell is decided on: the person's state, read in one statement.
public struct LedgerState: Sendable, Equatable {
  /// The number of the person's last change. A change takes effect only while this is still so.
  public var changeNumber: Int64
  /// Zones used lately, as StreakDomain writes them.
  public var zoneUses: [UInt8]
  /// Nil: the person has no such habit.
  public var summary: StreakSummary?
  public var habitIsArchived: Bool
  /// What the cell holds now; nil: nothing.
  public var cell: CellRecord?

  public init(
    changeNumber: Int64, zoneUses: [UInt8], summary: StreakSummary?, habitIsArchived: Bool, cell: CellRecord?
  ) {
    self.changeNumber = changeNumber
    self.zoneUses = zoneUses
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
  public var summary: StreakSummary
  public var zoneUses: [UInt8]
  public var habitIsArchived: Bool
}

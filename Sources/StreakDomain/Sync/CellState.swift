/// Names a cell of one person's ledger.
public struct CellKey: Hashable, Comparable, Sendable {
  public var habitID: Identifier
  public var day: Day

  public init(habitID: Identifier, day: Day) {
    self.habitID = habitID
    self.day = day
  }

  public static func < (left: CellKey, right: CellKey) -> Bool {
    (left.habitID, left.day) < (right.habitID, right.day)
  }
}

/// What the ledger holds for one habit on one day.
public struct CellState: Hashable, Sendable {
  public var cell: LedgerCell
  public var stamp: Stamp
  /// When and where the device made the last change.
  public var made: LocalTime
  /// When the server stored the last change, in milliseconds since 1970.
  public var recordedAtMilliseconds: Int64
  /// The migration that brought it, if one did.
  public var migrationID: Identifier?

  public init(
    cell: LedgerCell, stamp: Stamp, made: LocalTime, recordedAtMilliseconds: Int64, migrationID: Identifier? = nil
  ) {
    self.cell = cell
    self.stamp = stamp
    self.made = made
    self.recordedAtMilliseconds = recordedAtMilliseconds
    self.migrationID = migrationID
  }

  /// The digest of a cell.
  public static func itemDigest(_ key: CellKey, _ cell: LedgerCell) -> StateDigest {
    var bytes = CanonicalBytes(tag: 2)
    bytes.append(key.habitID)
    bytes.append(key.day.number)
    bytes.append(cell.done)
    bytes.append(cell.trust.number)
    bytes.append(cell.note)
    return StateDigest(ofItem: bytes.bytes)
  }
}

extension CellTrust {
  /// 0 if the cell counts, otherwise the number of the schema's `QuarantineReason`.
  public var number: UInt8 {
    switch self {
    case .counted: 0
    case .quarantined(.overLimit): 1
    case .quarantined(.anchor): 2
    case .quarantined(.tooOld): 3
    case .quarantined(.backfill): 4
    case .quarantined(.zoneHop): 5
    }
  }

  /// What `number` says; a number of no version of this program counts for nothing.
  public init(number: UInt8) {
    self =
      number == 0
      ? .counted
      : .quarantined(QuarantineReason.allCases.first { CellTrust.quarantined($0).number == number } ?? .overLimit)
  }
}

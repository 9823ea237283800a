/// Why a cell is kept but does not count. Quarantine refuses nothing, so these are not `Reason`s.
/// The raw value is the number of the schema's `QuarantineReason`, also in tables.
public enum QuarantineReason: UInt8, Sendable, CaseIterable {
  /// Outside the 30-day window that a migrated session may count.
  case overLimit = 1
  /// More days than have passed since the server saw the session begin (two spare).
  case anchor = 2
  /// More than 30 days old when it arrived.
  case tooOld = 3
  /// An earlier day entered afterwards, more than two days before today.
  case backfill = 4
  /// More distinct days than fit into the time that passed.
  case zoneHop = 5
}

extension QuarantineReason {
  /// The name in the schema, such as `OVER_LIMIT`.
  public var name: String { schemaName(of: self) }
}

/// Whether a cell takes part in streaks.
public enum CellTrust: Hashable, Sendable {
  case counted
  case quarantined(QuarantineReason)
  /// For a reason of a later version, by its number.
  case quarantinedOtherwise(UInt8)
}

/// Why a cell is kept but does not count.
public enum QuarantineReason: String, Sendable, CaseIterable {
  /// Outside the 30-day window that a migrated session may count.
  case overLimit = "OVER_LIMIT"
  /// More days than have passed since the server saw the session begin (two spare).
  case anchor = "ANCHOR"
  /// More than 30 days old when it arrived.
  case tooOld = "TOO_OLD"
  /// An earlier day entered afterwards, more than two days before today.
  case backfill = "BACKFILL"
  /// More distinct days than fit into the time that passed.
  case zoneHop = "ZONE_HOP"
}

/// Whether a cell takes part in streaks.
public enum CellTrust: Hashable, Sendable {
  case counted
  case quarantined(QuarantineReason)
}

/// Why a statement about a day is not accepted. The raw value is the reason clients see.
public enum EntryRejection: String, Error, Sendable, CaseIterable {
  /// Later than today's date at UTC+14.
  case futureDay = "FUTURE_DAY"
  /// Not the day that the moment, zone and day start give.
  case dayMismatch = "DAY_MISMATCH"
  /// Older than 30 days: it cannot be undone.
  case daySealed = "DAY_SEALED"
  /// Nothing is recorded for that day.
  case cellNotFound = "CELL_NOT_FOUND"
  /// The statement names a habit that is not there.
  case habitNotFound = "HABIT_NOT_FOUND"
  /// A field holds what it must not; `DayRules.malformedField` says which.
  case malformed = "INVALID_FIELD"
  /// The day was taken, its note was not: the person's texts take all the room there is for them.
  case textQuota = "TEXT_QUOTA"
}

/// The part of a statement about a day that cannot be. The raw value is its path in the schema's
/// requests.
public enum MalformedField: String, Sendable, CaseIterable {
  /// Before 2000-01-01 or after 9999-12-31.
  case day
  /// Outside -12 h to +14 h.
  case utcOffset = "made.utc_offset_seconds"
  /// Outside 0 to 1439.
  case dayStart = "made.day_start_minutes"
  /// Empty, longer than 64 bytes, or with control characters. Names that nobody knows are accepted.
  case zone = "made.zone"

  /// What is required of the field, to follow its name.
  public var requirement: String {
    switch self {
    case .day: "must be from 2000-01-01 to 9999-12-31"
    case .utcOffset: "must be from -43200 to 50400"
    case .dayStart: "must be from 0 to 1439"
    case .zone: "must be 1 to 64 bytes without control characters"
    }
  }
}

internal import StreakDomain
internal import StreakStore

extension Moment {
  /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
  var milliseconds: Int64 { microseconds >= 0 ? microseconds / 1000 : (microseconds - 999) / 1000 }
}

extension LocalTime {
  init(_ record: LocalTimeRecord) {
    self.init(
      occurredAtMilliseconds: record.occurredAt.milliseconds, zone: record.zone,
      utcOffsetSeconds: record.utcOffsetSeconds, dayStartMinutes: record.dayStartMinutes)
  }
}

extension CellTrust {
  /// As it is stored: 0 if the cell counts, otherwise the number of the schema's `QuarantineReason`.
  var storedReason: Int32 {
    switch self {
    case .counted: 0
    case .quarantined(.overLimit): 1
    case .quarantined(.anchor): 2
    case .quarantined(.tooOld): 3
    case .quarantined(.backfill): 4
    case .quarantined(.zoneHop): 5
    }
  }
}

extension CellRecord {
  /// The worth that was stored; what no version of this program writes counts for nothing.
  var trust: CellTrust {
    guard quarantineReason != 0 else { return .counted }
    let reason = QuarantineReason.allCases.first { CellTrust.quarantined($0).storedReason == quarantineReason }
    return .quarantined(reason ?? .overLimit)
  }
}

extension Refusal {
  /// The refusal of a single statement about a day.
  init(_ rejection: EntryRejection) {
    self =
      switch rejection {
      case .futureDay: .futureDay
      case .dayMismatch: .dayMismatch
      case .daySealed: .daySealed
      case .cellNotFound: .cellNotFound
      case .habitNotFound: .habitNotFound
      case .malformed: .invalidField
      }
  }
}

/// Why a completion is kept but does not count. The raw values are the schema's.
enum Quarantine: Int32, Sendable {
  case overLimit = 1
  case anchor = 2
  case tooOld = 3
  case backfill = 4
  case zoneHop = 5

  /// How far back a connected device may enter a day afterwards, in days before today.
  static let backfillDaysMax: Int32 = 2

  /// Judges a completion that a connected device records directly.
  ///
  /// - Parameter today: The date in the zone of the completion, now.
  /// - Returns: Why it does not count; nil if it does.
  static func judge(day: Int32, today: Int32) -> Quarantine? {
    if day < today - DayRules.sealedAfterDays { return .tooOld }
    if day < today - backfillDaysMax { return .backfill }
    return nil
  }
}

/// The invalid part of a statement about a day. The raw value is its path in the schema's requests.
public enum MalformedField: String, Sendable, CaseIterable {
  /// Before 2000-01-01 or after 9999-12-31.
  case day
  /// Outside -12 h to +14 h.
  case utcOffset = "client_time.utc_offset_seconds"
  /// Outside 0 to 1439.
  case dayStart = "client_time.day_start_minutes"
  /// Empty, longer than 64 bytes, or with control characters. Unknown names are accepted.
  case zone = "client_time.zone"

  /// The field's rule, to follow its name in a message.
  public var requirement: String {
    switch self {
    case .day: "must be from 2000-01-01 to 9999-12-31"
    case .utcOffset: "must be from -43200 to 50400"
    case .dayStart: "must be from 0 to 1439"
    case .zone: "must be 1 to 64 bytes without control characters"
    }
  }
}

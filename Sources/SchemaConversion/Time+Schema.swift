public import GRPCSchema
public import Schema
public import StreakDomain

extension GoogleProtobufTimestamp {
  public init(_ instant: Instant) {
    let seconds = instant.seconds
    self.init(seconds: seconds, nanos: Int32(truncatingIfNeeded: (instant.microseconds - seconds * 1_000_000) * 1_000))
  }

  /// The instant, rounded down to the microsecond; nil outside the years 1 to 9999, the range of a
  /// timestamp.
  public var instant: Instant? {
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
    return Instant(microseconds: seconds * 1_000_000 + Int64(nanos / 1_000))
  }
}

extension Instant {
  /// The instant in a field that must hold one.
  public init(field message: GoogleProtobufTimestamp?, path: String) throws(InvalidField) {
    guard let instant = message?.instant else { throw InvalidField(path, "must be a timestamp") }
    self = instant
  }
}

extension ClientTime {
  /// A client's time with any values of its fields; nil without an instant.
  public init?(_ message: LocalTime?) {
    guard let message, let occurredAt = message.occurredAt?.instant else { return nil }
    self.init(
      occurredAt: occurredAt.wholeMilliseconds, zone: message.zone, utcOffsetSeconds: message.utcOffsetSeconds,
      dayStartMinutes: message.dayStartMinutes)
  }

  /// The client's time in a field that must hold one; the field rules have been applied.
  public init(field message: LocalTime?, path: String) throws(InvalidField) {
    guard let message else { throw InvalidField(path, "is required") }
    guard let time = ClientTime(message) else {
      throw InvalidField(join(path, "occurred_at"), "must be a timestamp")
    }
    guard DayRules.isZoneName(time.zone) else {
      throw InvalidField(join(path, "zone"), "must be 1 to 64 bytes without control characters")
    }
    self = time
  }
}

extension LocalTime {
  public init(_ time: ClientTime) {
    self.init(
      occurredAt: GoogleProtobufTimestamp(time.occurredAt), zone: time.zone, utcOffsetSeconds: time.utcOffsetSeconds,
      dayStartMinutes: time.dayStartMinutes)
  }
}

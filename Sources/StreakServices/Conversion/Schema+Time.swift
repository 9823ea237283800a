internal import GRPCSchema
internal import StreakStore

extension GoogleProtobufTimestamp {
  init(_ moment: Moment) {
    let seconds = moment.seconds
    self.init(seconds: seconds, nanos: Int32((moment.microseconds - seconds * 1_000_000) * 1000))
  }

  /// The moment, to the microsecond; nil outside the years 1 to 9999, which a timestamp must not
  /// leave.
  var moment: Moment? {
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
    return Moment(microseconds: seconds * 1_000_000 + Int64(nanos / 1000))
  }
}

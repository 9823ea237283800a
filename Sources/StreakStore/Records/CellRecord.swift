public import StreakDomain

/// A moment as its person lived it: what a device used to turn a tap into a day.
public struct LocalTimeRecord: Sendable, Equatable {
  public var occurredAt: Moment
  /// IANA name of the zone, known or not.
  public var zone: String
  /// Seconds east of UTC.
  public var utcOffsetSeconds: Int32
  /// Minutes after midnight at which the person's day begins.
  public var dayStartMinutes: Int32

  public init(occurredAt: Moment, zone: String, utcOffsetSeconds: Int32, dayStartMinutes: Int32) {
    self.occurredAt = occurredAt
    self.zone = zone
    self.utcOffsetSeconds = utcOffsetSeconds
    self.dayStartMinutes = dayStartMinutes
  }
}

/// What the ledger holds for one habit on one day, or held before.
public struct CellRecord: Sendable, Equatable {
  public var habitID: Identifier
  public var day: Int32
  public var done: Bool
  public var note: String
  /// 0 if the cell counts, otherwise the number of the schema's `QuarantineReason`.
  public var quarantineReason: Int32
  /// The change number of this state.
  public var version: Int64
  public var made: LocalTimeRecord
  public var recordedAt: Moment
  public var migrationID: Identifier?
  /// The completions that stand.
  public var completions: [StatementID]
  /// Of an earlier state whose note is not kept: SHA-256 of it. Empty otherwise.
  public var noteHash: [UInt8]

  public init(
    habitID: Identifier, day: Int32, done: Bool, note: String, quarantineReason: Int32, version: Int64,
    made: LocalTimeRecord, recordedAt: Moment, migrationID: Identifier?, completions: [StatementID] = [],
    noteHash: [UInt8] = []
  ) {
    self.habitID = habitID
    self.day = day
    self.done = done
    self.note = note
    self.quarantineReason = quarantineReason
    self.version = version
    self.made = made
    self.recordedAt = recordedAt
    self.migrationID = migrationID
    self.completions = completions
    self.noteHash = noteHash
  }

  public init(_ key: CellKey, _ state: CellState) {
    self.init(
      habitID: key.habitID, day: key.day.number, done: state.cell.done, note: state.cell.note,
      quarantineReason: Int32(state.cell.trust.number), version: state.version, made: LocalTimeRecord(state.made),
      recordedAt: Moment(milliseconds: state.recordedAtMilliseconds), migrationID: state.migrationID,
      completions: state.completions)
  }

  /// Whether it takes part in streaks.
  public var counts: Bool { done && quarantineReason == 0 }
}

extension LocalTime {
  public init(_ record: LocalTimeRecord) {
    self.init(
      occurredAtMilliseconds: record.occurredAt.milliseconds, zone: record.zone,
      utcOffsetSeconds: record.utcOffsetSeconds, dayStartMinutes: record.dayStartMinutes)
  }
}

extension LocalTimeRecord {
  public init(_ time: LocalTime) {
    self.init(
      occurredAt: Moment(milliseconds: time.occurredAtMilliseconds), zone: time.zone,
      utcOffsetSeconds: time.utcOffsetSeconds, dayStartMinutes: time.dayStartMinutes)
  }
}

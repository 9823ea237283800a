internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension LocalTimeRecord {
  /// - Throws: A refusal naming the field that cannot be.
  init(_ made: Schema.LocalTime?, path: String) throws(RPCStatus) {
    guard let made else { throw Reason.invalidField(path, "is required") }
    guard let occurredAt = made.occurredAt?.moment else {
      throw Reason.invalidField(path + ".occurred_at", "must be a timestamp")
    }
    self.init(
      occurredAt: occurredAt, zone: made.zone, utcOffsetSeconds: made.utcOffsetSeconds,
      dayStartMinutes: made.dayStartMinutes)
    if let field = DayRules.malformedField(of: StreakDomain.LocalTime(self)) {
      throw Reason.invalidField(path + field.rawValue.drop { $0 != "." }, field.requirement)
    }
  }
}

extension Schema.LocalTime {
  init(_ record: LocalTimeRecord) {
    self.init(
      occurredAt: GoogleProtobufTimestamp(record.occurredAt), zone: record.zone,
      utcOffsetSeconds: record.utcOffsetSeconds, dayStartMinutes: record.dayStartMinutes)
  }
}

extension Habit {
  init(_ record: HabitRecord) {
    self.init(
      id: record.habitID.bytes, name: record.name, description: record.description, color: UInt32(record.color),
      position: record.position, archived: record.archived, version: record.version,
      createdAt: GoogleProtobufTimestamp(record.createdAt))
  }
}

extension HabitRecord {
  /// A habit as a client wants it; the field rules have been applied.
  ///
  /// - Throws: A refusal naming the field that cannot be.
  init(_ habit: Habit, path: String, at now: Moment) throws(RPCStatus) {
    guard HabitName.isValid(habit.name) else {
      throw Reason.invalidField(path + ".name", "must be visible text of one line")
    }
    self.init(
      habitID: try Identifier(field: habit.id, path: path + ".id"), name: habit.name, description: habit.description,
      color: Int32(clamping: habit.color), position: habit.position, archived: habit.archived, version: 0,
      createdAt: now)
  }
}

extension Cell {
  init(_ record: CellRecord) {
    self.init(
      habitId: record.habitID.bytes, day: record.day, done: record.done, note: record.note,
      trust: record.quarantineReason == 0 ? .counted : .quarantined,
      quarantineReason: Schema.QuarantineReason(rawValue: record.quarantineReason), version: record.version,
      made: Schema.LocalTime(record.made), recordedAt: GoogleProtobufTimestamp(record.recordedAt),
      migrationId: record.migrationID?.bytes ?? [], completions: record.completions.map { StatementId($0) })
  }
}

extension Schema.Streak {
  init(habitID: Identifier, _ summary: StreakSummary, zones: ZoneUses, archived: Bool, at now: Moment) {
    let today = zones.today(now: now.milliseconds)
    let streak = summary.streak(today: today, isArchived: archived)
    let state: Schema.StreakState =
      switch streak.state {
      case .none: .none
      case .doneToday: .doneToday
      case .atRisk: .atRisk
      case .broken: .broken
      case .archived: .archived
      }
    self.init(
      habitId: habitID.bytes, state: state, current: Int32(clamping: streak.current),
      longest: Int32(clamping: streak.longest), total: Int32(clamping: streak.total),
      lastDay: streak.lastDay?.number ?? 0, today: today.number)
  }
}

extension Schema.Statistics {
  init(_ statistics: StreakDomain.Statistics, days: DayRange) {
    self.init(
      days: days, counted: Int32(clamping: statistics.counted), quarantined: Int32(clamping: statistics.quarantined),
      undone: Int32(clamping: statistics.undone), activeDays: Int32(clamping: statistics.activeDays),
      countedByWeekday: statistics.countedByWeekday.map { Int32(clamping: $0) },
      countedByMonth: statistics.countedByMonth.map {
        MonthCount(year: Int32($0.year), month: Int32($0.month), counted: Int32(clamping: $0.counted))
      }, longestRun: Int32(clamping: statistics.longestRun))
  }
}

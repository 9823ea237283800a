internal import GRPCSchema
internal import RPC
internal import Schema
internal import StreakStore

extension LocalTimeRecord {
  /// - Throws: A refusal naming the field that cannot be.
  init(_ made: LocalTime?, path: String) throws(RPCStatus) {
    guard let made else { throw Refusal.invalidField(path, "is required") }
    guard let occurredAt = made.occurredAt?.moment else {
      throw Refusal.invalidField(path + ".occurred_at", "must be a timestamp")
    }
    self.init(
      occurredAt: occurredAt, zone: made.zone, utcOffsetSeconds: made.utcOffsetSeconds,
      dayStartMinutes: made.dayStartMinutes)
  }

  /// The day that follows from it.
  var day: Int32 { day(at: occurredAt) }

  /// The date of another moment in the same zone.
  func day(at moment: Moment) -> Int32 {
    DayRules.day(atSeconds: moment.seconds, utcOffsetSeconds: utcOffsetSeconds, dayStartMinutes: dayStartMinutes)
  }
}

extension LocalTime {
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
  init(_ habit: Habit, path: String, at now: Moment) throws(RPCStatus) {
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
      quarantineReason: QuarantineReason(rawValue: record.quarantineReason), version: record.version,
      made: LocalTime(record.made), recordedAt: GoogleProtobufTimestamp(record.recordedAt),
      migrationId: record.migrationID?.bytes ?? [])
  }
}

extension Streak {
  init(habitID: Identifier, _ summary: SummaryRecord, zoneUses: [UInt8], archived: Bool, at now: Moment) {
    let today = ZoneUses(bytes: zoneUses).today(atSeconds: now.seconds)
    let lastDay = summary.totalDays == 0 ? nil : summary.lastRunLastDay
    let current = CurrentStreak(firstDay: summary.lastRunFirstDay, lastDay: lastDay, today: today)
    let state: StreakState =
      switch current {
      case .none: .none
      case .doneToday: .doneToday
      // An archived habit is no longer at risk: its run stands as it is until it is over.
      case .atRisk: archived ? .broken : .atRisk
      case .broken: .broken
      }
    self.init(
      habitId: habitID.bytes, state: state, current: current.length, longest: summary.longestRun,
      total: summary.totalDays, lastDay: lastDay ?? 0, today: today)
  }
}

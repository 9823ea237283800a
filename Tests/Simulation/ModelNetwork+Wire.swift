import GRPCSchema
import Schema
import SchemaConversion
@testable import StreakClient
import StreakDomain

extension SyncSubmission {
  init(_ request: SyncRequest, userID: Identifier) {
    self.init(
      userID: userID, cursor: StreakDomain.Cursor(request.cursor), resume: request.cursor?.resume ?? [],
      operations: request.operations.map { StreakDomain.Operation($0) }, queueDrained: request.queueDrained,
      restatedHabits: request.restatedHabits.compactMap { habit in
        Identifier(habit.id).map {
          SyncChanges.Habit(id: $0, fields: HabitFields(habit), aliasOf: Identifier(habit.aliasOf))
        }
      }, oldestKeptSeq: request.oldestKeptSeq, digest: StreakDomain.StateDigest(bytes: request.digest))
  }
}

extension SyncResponse {
  init(_ changes: SyncChanges) {
    self.init(
      outcomes: changes.outcomes.map { outcome in
        OperationOutcome(
          seq: outcome.seq, status: OperationStatus(rawValue: Int32(outcome.status.rawValue)),
          reason: outcome.rejection.map { ErrorReason($0) } ?? .unspecified,
          changeNumber: outcome.changeNumber,
          noticeId: outcome.noticeID?.bytes ?? [])
      },
      reset: changes.isReset, habits: changes.habits.map { Habit($0.id, $0.fields) },
      deletedHabitIds: changes.deletedHabits.map(\.bytes), cells: changes.cells.map { Cell($0) },
      notices: changes.notices.map { Schema.Notice($0.id, $0.notice) },
      cursor: Schema.Cursor(changes.cursor, resume: changes.resume), hasMore: changes.hasMore,
      digest: changes.digest.map { Schema.StateDigest(sum: $0.bytes) }, lastSeq: changes.lastSeq,
      seen: (changes.seen?.last ?? []).map { StatementId($0) }, latestTime: changes.latestTime.packed,
      settings: changes.dayStartMinutes.map { Schema.AccountSettings(dayStartMinutes: $0) },
      habitAliases: changes.aliases.map { HabitAlias(aliasId: $0.key.bytes, habitId: $0.value.bytes) },
      zoneUses: changes.zones?.uses.map { ZoneUse($0) } ?? [])
  }
}

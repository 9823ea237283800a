internal import GRPCSchema
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension RecoveryPoint {
  init(name: String, at moment: Instant) { self.init(name: name, moment: GoogleProtobufTimestamp(moment)) }
}

extension Recovery {
  init(_ record: RecoveryRecord) {
    self.init(
      recoveryId: record.recoveryID.bytes, point: RecoveryPoint(name: record.backup, at: record.backupAt),
      state: RecoveryState(rawValue: Int32(record.stage.rawValue)),
      requestedAt: GoogleProtobufTimestamp(record.requestedAt), failure: record.failure)
  }
}

extension RecoveryRequest {
  init(_ record: RecoveryRecord) {
    self.init(
      recoveryId: record.recoveryID.bytes, userId: record.userID.bytes, backup: record.backup,
      requestedAt: GoogleProtobufTimestamp(record.requestedAt))
  }
}

extension RecoveryPreview {
  init(_ plan: RecoveryPlan, at now: Instant) {
    self.init(
      planHash: plan.hash,
      habits: plan.habits.filter(\.isTouched).map { RecoveredHabit($0, in: plan.ledger, at: now) })
  }
}

extension BackupRun {
  init(_ record: BackupRunRecord) {
    self.init(
      beganAt: GoogleProtobufTimestamp(record.beganAt), endedAt: GoogleProtobufTimestamp(record.endedAt),
      backup: record.backup ?? "", failure: record.failure ?? "")
  }
}

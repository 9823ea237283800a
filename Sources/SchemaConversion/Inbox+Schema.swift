internal import GRPCSchema
internal import ProtobufCodec
public import Schema
public import StreakDomain

// What was rejected: entries of sessions and operations of devices.

extension Schema.RejectedEntry {
  /// An entry that a migration rejects.
  ///
  /// - Parameter id: Its id in the inbox; nil in a preview, which stores nothing.
  public init(
    _ rejection: MigrationPlan.Rejection, of entry: StreakDomain.CapturedSession.Entry, id: Identifier?
  ) {
    self.init(
      entryId: id?.bytes ?? [], index: Int32(clamping: rejection.index), habitId: entry.habitID.bytes,
      day: entry.day.number, reason: ErrorReason(rejection.reason))
  }

  public init(_ entry: StreakDomain.RejectedEntry) {
    self.init(
      entryId: entry.entryID.bytes, index: entry.index, habitId: entry.habitID.bytes, day: entry.day.number,
      reason: entry.reason.map { ErrorReason($0) } ?? .unspecified)
  }
}

extension ExportedRejection {
  public init(_ entry: StreakDomain.RejectedEntry) {
    self.init(
      rejected: Schema.RejectedEntry(entry), date: entry.day.description,
      entry: CapturedEntry(
        habitId: entry.habitID.bytes, day: entry.day.number, done: entry.done, note: entry.note,
        clientTime: LocalTime(entry.clientTime)), migrationId: entry.migrationID?.bytes ?? [],
      rejectedAt: GoogleProtobufTimestamp(entry.rejectedAt), noteSha256: entry.noteHash)
  }
}

extension Schema.RejectedOperation {
  public init(_ rejected: StreakDomain.RejectedOperation) {
    self.init(
      deviceId: rejected.deviceID.bytes, seq: rejected.seq,
      reason: rejected.reason.map { ErrorReason($0) } ?? .unspecified,
      rejectedAt: GoogleProtobufTimestamp(rejected.rejectedAt),
      operation: rejected.operation.flatMap { try? Schema.Operation(protobufBytes: $0) },
      payloadHash: rejected.payloadHash)
  }
}

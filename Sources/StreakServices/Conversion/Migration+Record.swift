internal import GRPCSchema
internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

extension ListedMigration {
  init(_ record: MigrationRecord) {
    self.init(
      result: try? MigrationResult(protobufBytes: record.result),
      anchor: record.anchor.map { GoogleProtobufTimestamp($0) },
      undoneAt: record.undoneAt.map { GoogleProtobufTimestamp($0) })
  }
}

extension ExportedMigration {
  /// Nil if the stored result cannot be read.
  init?(_ record: MigrationRecord) {
    guard let result = try? MigrationResult(protobufBytes: record.result) else { return nil }
    self.init(result: result, anchor: record.anchor.map { GoogleProtobufTimestamp($0) })
  }
}

extension UndoMigrationResponse {
  init(_ undone: UndoneMigration, at now: Instant) {
    self.init(
      daysReversed: Int32(clamping: undone.daysReversed), leftAlone: undone.leftAlone.map { HabitDay($0) },
      deletedHabitIds: undone.deletedHabits.map(\.bytes), undoneAt: GoogleProtobufTimestamp(now))
  }
}

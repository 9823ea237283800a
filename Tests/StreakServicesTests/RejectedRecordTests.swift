import GRPCSchema
import Schema
import SchemaConversion
import StreakDomain
import Testing

@Suite("Rejected entries and operations in a document")
struct RejectedRecordTests {
  private static let id = [UInt8](repeating: 1, count: Identifier.byteCount)
  private static let moment = GoogleProtobufTimestamp(seconds: 1_780_315_200)

  private static let rejection = ExportedRejection(
    rejected: Schema.RejectedEntry(entryId: id, index: 3, habitId: id, day: 20_000, reason: .futureDay),
    entry: CapturedEntry(
      habitId: id, day: 20_000, done: true, note: "n", clientTime: LocalTime(occurredAt: moment, zone: "Etc/UTC")),
    rejectedAt: moment)

  private static let operation = Schema.RejectedOperation(
    deviceId: id, seq: 1, reason: .habitNotFound, rejectedAt: moment)

  @Test("a valid record is read, and written as it was")
  func valid() throws {
    let entry = try StreakDomain.RejectedEntry(record: Self.rejection)
    #expect(entry.reason == .futureDay && entry.index == 3 && entry.note == "n")
    var written = ExportedRejection(entry)
    written.date = ""
    #expect(written == Self.rejection)
    let operation = try StreakDomain.RejectedOperation(record: Self.operation)
    #expect(operation.reason == .habitNotFound && Schema.RejectedOperation(operation) == Self.operation)
  }

  @Test("a reason of a later version is none")
  func unknownReason() throws {
    var message = Self.operation
    message.reason = ErrorReason(rawValue: 9_999)
    let operation = try StreakDomain.RejectedOperation(record: message)
    #expect(operation.reason == nil && Schema.RejectedOperation(operation).reason == .unspecified)
  }

  @Test("an invalid field of an entry is named by its path")
  func entryPaths() {
    func path(_ change: (inout ExportedRejection) -> Void) -> String? {
      var message = Self.rejection
      change(&message)
      do throws(InvalidField) { _ = try StreakDomain.RejectedEntry(record: message) } catch { return error.path }
      return nil
    }
    #expect(path { $0.entry = nil } == "entry")
    #expect(path { $0.rejected = nil } == "rejected")
    #expect(path { $0.entry?.habitId = [1] } == "entry.habit_id")
    #expect(path { $0.entry?.clientTime?.zone = "" } == "entry.client_time.zone")
    #expect(path { $0.rejected?.index = -1 } == "rejected.index")
    #expect(path { $0.rejected?.entryId = [] } == "rejected.entry_id")
    #expect(path { $0.migrationId = [1] } == "migration_id")
    #expect(path { $0.rejectedAt = nil } == "rejected_at")
    #expect(path { $0.noteSha256 = [1] } == "note_sha256")
  }

  @Test("an invalid field of an operation is named by its path")
  func operationPaths() {
    func path(_ change: (inout Schema.RejectedOperation) -> Void) -> String? {
      var message = Self.operation
      change(&message)
      do throws(InvalidField) { _ = try StreakDomain.RejectedOperation(record: message) } catch { return error.path }
      return nil
    }
    #expect(path { $0.seq = 0 } == "seq")
    #expect(path { $0.deviceId = [1] } == "device_id")
    #expect(path { $0.rejectedAt = nil } == "rejected_at")
    #expect(path { $0.payloadHash = [1] } == "payload_hash")
  }
}

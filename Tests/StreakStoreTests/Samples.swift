@testable import StreakDomain
import StreakStore

extension Identifier {
  static func random() -> Identifier {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for index in bytes.indices { bytes[index] = .random(in: 0...255) }
    return Identifier(bytes) ?? .zero
  }
}

extension Moment {
  /// 2026-06-01T12:00:00Z.
  static let sample = Moment(seconds: 1_780_315_200)
  /// Its day number.
  static let sampleDay: Int32 = 20_605
}

extension LocalTimeRecord {
  static func sample(day: Int32 = Moment.sampleDay) -> LocalTimeRecord {
    LocalTimeRecord(
      occurredAt: Moment(seconds: Int64(day) * 86_400 + 43_200), zone: "Asia/Kathmandu", utcOffsetSeconds: 20_700,
      dayStartMinutes: 0)
  }
}

extension DeviceRecord {
  static func sample(_ deviceID: Identifier = .random()) -> DeviceRecord {
    DeviceRecord(deviceID: deviceID, name: "phone", platform: "test 1", appVersion: "1.0")
  }
}

extension CredentialRecord {
  /// Credentials whose hashes are all `byte`.
  static func sample(_ byte: UInt8 = 1, family: UInt8 = 200, at now: Moment = .sample) -> CredentialRecord {
    CredentialRecord(
      accessHash: [UInt8](repeating: byte, count: 32), accessExpiresAt: now.advanced(bySeconds: 3600),
      refreshHash: [UInt8](repeating: byte &+ 100, count: 32), refreshExpiresAt: now.advanced(bySeconds: 86_400),
      refreshFamilyHash: [UInt8](repeating: family, count: 32))
  }
}

extension HabitRecord {
  static func sample(_ habitID: Identifier = .random(), name: String = "read", position: Int32 = 0) -> HabitRecord {
    HabitRecord(
      habitID: habitID, name: name, description: "", color: 0, position: position, archived: false, version: 1,
      createdAt: .sample)
  }
}

extension CellRecord {
  static func sample(
    _ habitID: Identifier, day: Int32, done: Bool = true, note: String = "", quarantineReason: Int32 = 0
  ) -> CellRecord {
    CellRecord(
      habitID: habitID, day: day, done: done, note: note, quarantineReason: quarantineReason, version: 1,
      made: .sample(day: day), recordedAt: .sample, migrationID: nil)
  }
}

extension NewMigration {
  static func sample(
    sessionID: Identifier = .random(), migrationID: Identifier = .random(), anchor: Moment? = nil,
    secret: UInt8 = 5, habits: [(habit: HabitRecord, summary: StreakSummary)] = [], cells: [CellRecord] = [],
    rejected: [RejectedEntryRecord] = []
  ) -> NewMigration {
    var ledger = PersonLedger(
      epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: Moment.sample.milliseconds))
    let version = ledger.nextVersion()
    let stamp = Stamp(time: .zero, id: StatementID(.migration, migrationID))
    for (record, summary) in habits {
      let fields = HabitFields(
        name: record.name, description: record.description, color: UInt32(bitPattern: record.color),
        position: record.position, archived: record.archived)
      var habit = HabitState(
        made: fields, createdAtMilliseconds: record.createdAt.milliseconds, version: version, stamp: stamp)
      habit.summary = summary
      ledger.setHabit(habit, record.habitID)
    }
    for cell in cells {
      var statements = DayStatements()
      if cell.done {
        statements.completions = [
          DayStatements.Completion(
            id: stamp.id, trust: CompletionTrust(CellTrust(number: UInt8(clamping: cell.quarantineReason))))
        ]
      } else {
        statements.undo([], by: Author(stamp: stamp, seen: .nothing))
      }
      if !cell.note.isEmpty { statements.note = Register(cell.note, stamp) }
      try? ledger.setCell(
        CellKey(habitID: cell.habitID, day: Day(cell.day)), statements, last: stamp, made: LocalTime(cell.made),
        recordedAt: cell.recordedAt.milliseconds, version: version)
    }
    return NewMigration(
      record: MergeRecord(
        migration: MigrationRecord(
          migrationID: migrationID, sessionID: sessionID, anchor: anchor,
          manifestHash: [UInt8](repeating: 3, count: 32), result: [1, 2, 3], committedAt: .sample),
        sessionSecretHash: [UInt8](repeating: secret, count: 32), rejected: rejected,
        auditEvent: AuditEventRecord(
          userID: nil, occurredAt: .sample, method: "", outcome: "OK", reason: "", deviceID: nil, peerAddress: "",
          detail: "")), isSessionKnown: anchor != nil, ledger: ledger)
  }
}

extension NewAccount {
  static func sample(
    _ email: String = "mira@example.org", userID: Identifier = .random(), device: DeviceRecord = .sample(),
    credential: CredentialRecord = .sample(), session: NewMigration? = nil
  ) -> NewAccount {
    NewAccount(
      userID: userID, email: email, emailKey: email, passwordHash: "hash", createdAt: .sample,
      sealedReply: [9, 9], device: device, credential: credential, addressHash: [8, 8], session: session,
      auditEvent: AuditEventRecord(
        userID: userID, occurredAt: .sample, method: "AccountService/SignUp", outcome: "OK", reason: "",
        deviceID: device.deviceID, peerAddress: "127.0.0.1", detail: ""))
  }
}

extension StreakSummary {
  /// No day counts.
  static let empty = StreakSummary(countedDays: [])
}

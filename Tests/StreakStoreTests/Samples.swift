@testable import StreakDomain
import StreakStore

extension Instant {
  /// 2026-06-01T12:00:00Z.
  static let sample = Instant(seconds: 1_780_315_200)
  /// Its day number.
  static let sampleDay: Int32 = 20_605
}

extension ClientTime {
  static func sample(day: Int32 = Instant.sampleDay) -> ClientTime {
    ClientTime(
      occurredAt: Instant(seconds: Int64(day) * 86_400 + 43_200), zone: "Asia/Kathmandu", utcOffsetSeconds: 20_700,
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
  static func sample(_ byte: UInt8 = 1, family: UInt8 = 200, at now: Instant = .sample) -> CredentialRecord {
    CredentialRecord(
      accessHash: [UInt8](repeating: byte, count: 32), accessExpiresAt: now.advanced(bySeconds: 3600),
      refreshHash: [UInt8](repeating: byte &+ 100, count: 32), refreshExpiresAt: now.advanced(bySeconds: 86_400),
      refreshFamilyHash: [UInt8](repeating: family, count: 32))
  }
}

extension HabitEntry {
  static func sample(_ id: Identifier = .random(), name: String = "read", position: Int32 = 0) -> HabitEntry {
    HabitEntry(id: id, fields: HabitFields(name: name, position: position), createdAt: .sample, version: 1)
  }
}

extension SavedLedger.Cell {
  static func sample(
    _ habitID: Identifier, day: Int32, done: Bool = true, note: String = "", trust: CellTrust = .counted
  ) -> SavedLedger.Cell {
    SavedLedger.Cell(
      key: CellKey(habitID: habitID, day: Day(day)), cell: CellContent(done: done, note: note, trust: trust),
      clientTime: .sample(day: day), recordedAt: .sample)
  }
}

extension NewMigration {
  static func sample(
    sessionID: Identifier = .random(), migrationID: Identifier = .random(), anchor: Instant? = nil,
    secret: UInt8 = 5, habits: [(habit: HabitEntry, summary: StreakSummary)] = [], cells: [SavedLedger.Cell] = [],
    rejected: [RejectedEntry] = []
  ) -> NewMigration {
    var ledger = PersonLedger(
      epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: .sample))
    let version = ledger.nextVersion()
    let stamp = Stamp(time: .zero, id: StatementID(.migration, migrationID))
    for (entry, summary) in habits {
      var habit = HabitState(new: entry.fields, createdAt: entry.createdAt, version: version, stamp: stamp)
      habit.summary = summary
      ledger.setHabit(habit, entry.id)
    }
    for saved in cells {
      var statements = DayStatements()
      if saved.cell.done {
        statements.completions = [
          DayStatements.Completion(id: stamp.id, trust: CompletionTrust(saved.cell.trust))
        ]
      } else {
        statements.undo([], by: Author(stamp: stamp, seen: .nothing))
      }
      if !saved.cell.note.isEmpty { statements.note = Register(saved.cell.note, stamp) }
      try? ledger.setCell(
        saved.key, statements, last: stamp, clientTime: saved.clientTime, recordedAt: saved.recordedAt, version: version
      )
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
      userID: userID, email: email, emailKey: email, sealedPassword: Array("p0".utf8), createdAt: .sample,
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

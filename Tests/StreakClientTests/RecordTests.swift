import SplitMix
@testable import StreakClient
import StreakDomain
import TestSupport
import Testing

@Suite("Stored records")
struct RecordTests {
  private let userID = Identifier(high: 1, low: 2)

  /// The state as another process reads it: only the written records.
  private func reopened(_ records: [[UInt8]: [UInt8]]) throws -> ClientState {
    try ClientState(records.map { StorageRecord(key: $0.key, value: $0.value) })
  }

  private func keep(_ state: inout ClientState, in records: inout [[UInt8]: [UInt8]]) {
    for change in state.takeChanges() { records[change.key] = change.value }
  }

  @Test("after any changes the records written so far give the whole state", arguments: UInt64(0)..<64)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var state = ClientState()
    var records: [[UInt8]: [UInt8]] = [:]
    func id() -> Identifier { Identifier(high: 3, low: UInt64.random(in: 0..<4, using: &random)) }
    func cell() -> CellKey { CellKey(habitID: id(), day: Day(20_000 + Int32.random(in: 0..<3, using: &random))) }
    func number(_ limit: Int64) -> Int64 { Int64.random(in: 0..<limit, using: &random) }
    let clientTime = ClientTime(
      occurredAt: Instant(milliseconds: 1_795_521_600_123), zone: "Asia/Kathmandu", utcOffsetSeconds: 20_700)
    let credentials = ClientAccount.Credentials(
      accessToken: "a", accessExpiresAt: Instant(milliseconds: 5), refreshToken: "r",
      refreshBegunAt: Instant(milliseconds: 7))
    state.add(
      ClientAccount(
        email: "ä@b.c", credentials: credentials,
        replica: DeviceReplica(userID: userID, deviceID: Identifier(high: 8, low: 8))))
    for step in 0..<60 {
      let now = Instant(milliseconds: 1_795_521_600_000 + Int64(step))
      switch Int.random(in: 0..<14, using: &random) {
      case 0:
        state.current = random.choice(of: [nil, userID])
        state.setDayStart(minutes: Int32(number(1_440)), now: now)
      case 1:
        let habit = id()
        state.changeSession(now: now, habit: habit) { $0.habits[habit] = HabitFields(name: "n\(step)", color: 7) }
      case 2:
        let key = cell()
        state.changeSession(now: now, cell: key) { session in
          session.entries[key] = .init(
            done: step.isMultiple(of: 2), note: "ñ\(step)", clientTime: clientTime,
            otherNotes: (0..<step % 3).map { "other \($0)" })
          session.zones.note(clientTime, now: now)
        }
      case 3: state.dropSessionHabit(id(), now: now)
      case 4: if number(4) == 0 { state.dropSession() }
      case 5:
        state.pendingSignUp = PendingSignUp(email: "x", idempotencyKey: [1, 2], deviceID: id(), claim: [UInt8(step)])
        state.pendingMigration =
          [nil, PendingMigration(userID: userID, claim: [3])].randomElement(using: &random) ?? nil
      case 6:
        let migrated = MigratedSession(
          claim: [9], isSecondDevice: number(2) == 0, habitMap: [id(): id()], migratedAt: now,
          afterSeq: number(9), isLost: number(2) == 0, isReceived: number(2) == 0)
        let key = id()
        _ = state.changeAccount(userID) { $0.migratedSessions[key] = number(2) == 0 ? nil : migrated }
      case 7:
        let key = id()
        _ = state.changeAccount(userID) { account in
          account.acknowledgements[key] = account.acknowledgements[key] == nil ? number(2) == 0 : nil
          account.standing =
            random.choice(of: [.signedIn, .signedOut, .mustRegister, .unknownToServer])
          account.replica.noteSeen(StatementID(.migration, key))
        }
      case 8, 9:
        let key = cell()
        _ = state.changeAccount(userID) { account in
          account.replica.make(
            .setCompletion(.init(habitID: key.habitID, day: key.day, done: true, note: "q", clientTime: clientTime)),
            at: now)
        }
      case 10:
        let key = id()
        _ = state.changeAccount(userID) { account in
          switch number(4) {
          case 3:
            let note = Operation.Note(habitID: key, day: Day(20_000), text: "r\(step)", clientTime: clientTime)
            let resolution = Operation.Resolution(
              noticeID: key, takesLosing: number(2) == 0, statement: .setNote(note))
            account.replica.make(.resolveConflict(resolution), at: now)
          case 0: account.replica.continueAsNewDevice(key)
          case 1: account.replica.cursorIsInvalid()
          default: account.replica.make(.setDayStart(Int32(number(1_440))), at: now)
          }
        }
      default:
        let epoch = Epoch(number: 1 + number(3), bits: number(2))
        var changes = SyncChanges(cursor: Cursor(epoch: epoch, changeNumber: Int64(step), tag: [UInt8(step)]))
        changes.isReset = number(4) == 0
        changes.habits = [.init(id: id(), fields: HabitFields(name: "h\(step)", archived: true))]
        changes.deletedHabits = number(3) == 0 ? [id()] : []
        changes.cells = [
          .init(
            key: cell(), cell: CellContent(done: true, note: "c", trust: .quarantined(.backfill)), version: Int64(step),
            completions: [StatementID(source: id(), seq: number(9)), StatementID(.migration, id())])
        ]
        changes.notices = [
          .init(
            id: id(),
            notice: Notice(
              kind: .noteConflict, habitID: id(), day: Day(20_000), winningValue: .text("k"), losingValue: .text("o"),
              losingDeviceID: id(),
              madeAt: now, version: Int64(step)))
        ]
        changes.resume = number(2) == 0 ? [1, 2, 3] : []
        changes.seen = number(2) == 0 ? nil : SeenStatements([StatementID(source: id(), seq: number(9))])
        changes.latestTime = HybridTime(now.advanced(byMilliseconds: number(3)))
        changes.dayStartMinutes = number(3) == 0 ? Int32(number(1_440)) : nil
        changes.lastSeq = number(30)
        _ = state.changeAccount(userID) { account in
          let submission = account.replica.submission
          changes.outcomes = submission.operations.prefix(Int(number(4))).map { operation in
            OperationOutcome(
              seq: operation.seq, status: .rejected,
              rejection: random.choice(of: [.habitNotFound, .futureDay, .conflictNotFound]))
          }
          _ = account.replica.take(
            .changes(changes), to: submission, sentAs: account.replica.deviceID, at: now)
          if let first = account.replica.rejected.first, number(3) == 0 {
            account.replica.forgetRejected(first.operation.time)
          }
          if let first = account.replica.notices.keys.min(), number(3) == 0 { account.replica.forgetNotice(first) }
        }
      }
      keep(&state, in: &records)
      let read = try reopened(records)
      #expect(read.current == state.current, "seed \(seed) step \(step)")
      #expect(read.session == state.session, "seed \(seed) step \(step)")
      #expect(read.dayStartMinutes == state.dayStartMinutes, "seed \(seed) step \(step)")
      #expect(read.accounts == state.accounts, "seed \(seed) step \(step): \(differences(read, state))")
      #expect(
        read.pendingSignUp == state.pendingSignUp && read.pendingMigration == state.pendingMigration, "seed \(seed)")
    }
    state.dropAccount(userID)
    state.dropSession()
    keep(&state, in: &records)
    #expect(records.keys.allSatisfy { $0 == RecordKey.settings.bytes }, "seed \(seed): something is left")
  }

  private func differences(_ left: ClientState, _ right: ClientState) -> [String] {
    guard let left = left.accounts[userID]?.replica.stored, let right = right.accounts[userID]?.replica.stored else {
      return ["no account"]
    }
    return zip(Mirror(reflecting: left).children, Mirror(reflecting: right).children).compactMap { left, right in
      "\(left.value)" == "\(right.value)" ? nil : "\(left.label ?? ""): \(left.value) / \(right.value)"
    }
  }

  @Test("keys of every kind can be parsed, and other bytes cannot")
  func keys() {
    let key = CellKey(habitID: Identifier(high: .max, low: 0), day: Day(-1))
    let all: [RecordKey] = [
      .settings, .session, .sessionHabit(userID), .sessionEntry(key), .account(userID), .habit(userID, userID),
      .cell(userID, key), .notice(userID, userID), .operation(userID, .max),
      .rejected(userID, HybridTime(packed: .max)),
      .acknowledgement(userID, userID), .migratedSession(userID, userID), .formerHabit(userID, userID),
      .deletedHabit(userID, userID), .alias(userID, userID),
    ]
    for key in all {
      #expect(RecordKey(key.bytes) == key)
      #expect(RecordKey(key.bytes + [0]) == nil)
      #expect(key.bytes.count == 1 || RecordKey(Array(key.bytes.dropLast())) == nil)
    }
    #expect(RecordKey([99]) == nil && RecordKey([]) == nil)
  }

  @Test("a record that is cut short, or of an unknown kind, is an error and changes nothing")
  func broken() {
    var state = ClientState()
    state.changeSession(now: Instant(milliseconds: 5)) { _ in }
    let records = state.takeChanges()
    for record in records {
      guard let value = record.value else { continue }
      for count in 0..<value.count {
        #expect(throws: StorageError.self, "\(count) bytes") {
          _ = try ClientState([StorageRecord(key: record.key, value: Array(value.prefix(count)))])
        }
      }
    }
    #expect(throws: StorageError.self) { _ = try ClientState([StorageRecord(key: [99], value: [])]) }
  }
}

internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// A client's whole state, and the records that have changed since it was stored.
struct ClientState: Sendable {
  /// The current account; nil: none, the person is anonymous.
  var current: Identifier? { didSet { hasNewSettings = true } }
  /// The start of the person's day, in minutes after midnight, while there is no account.
  var ownDayStartMinutes: Int32 = 0 { didSet { hasNewSettings = true } }
  private(set) var session: AnonymousSession?
  private(set) var accounts: [Identifier: ClientAccount] = [:]
  var pendingSignUp: PendingSignUp? { didSet { hasNewSettings = true } }
  var pendingMigration: PendingMigration? { didSet { hasNewSettings = true } }

  private var hasNewSettings = false
  private var changed: Set<RecordKey> = []

  init() {}

  /// The start of the person's day, in minutes after midnight: a setting of the account, or without
  /// one of this device.
  var dayStartMinutes: Int32 {
    current.flatMap { accounts[$0] }?.replica.shownDayStartMinutes ?? ownDayStartMinutes
  }

  mutating func setDayStart(minutes: Int32, now: Instant) {
    guard minutes != dayStartMinutes else { return }
    guard let userID = current else {
      ownDayStartMinutes = minutes
      return
    }
    _ = changeAccount(userID) { $0.replica.make(.setDayStart(minutes), at: now) }
  }

  // MARK: The session

  /// Changes the session; starts one if there is none.
  /// - Parameters:
  ///   - habit: The habit that `body` adds, changes or removes.
  ///   - cell: The day that it states.
  mutating func changeSession(
    now: Instant, habit: Identifier? = nil, cell: CellKey? = nil, _ body: (inout AnonymousSession) -> Void
  ) {
    var session = self.session ?? AnonymousSession(begunAt: now)
    self.session = nil
    body(&session)
    self.session = session
    changed.insert(.session)
    if let habit { changed.insert(.sessionHabit(habit)) }
    if let cell { changed.insert(.sessionEntry(cell)) }
  }

  /// Removes a habit of the session, with its days.
  mutating func dropSessionHabit(_ habitID: Identifier, now: Instant) {
    guard let session else { return }
    let cells = session.entries.keys.filter { $0.habitID == habitID }
    changeSession(now: now, habit: habitID) { session in
      session.habits[habitID] = nil
      for cell in cells { session.entries[cell] = nil }
    }
    changed.formUnion(cells.map { .sessionEntry($0) })
  }

  /// Removes the session after it has become part of an account.
  mutating func dropSession() {
    guard let session else { return }
    changed.insert(.session)
    changed.formUnion(session.habits.keys.map { .sessionHabit($0) })
    changed.formUnion(session.entries.keys.map { .sessionEntry($0) })
    self.session = nil
  }

  // MARK: Accounts

  mutating func add(_ account: ClientAccount) {
    accounts[account.replica.userID] = account
    noteWhole(account)
  }

  /// Changes an account; without effect if there is none with this id.
  mutating func changeAccount<Value>(_ userID: Identifier, _ body: (inout ClientAccount) -> Value) -> Value? {
    guard var account = accounts.removeValue(forKey: userID) else { return nil }
    let acknowledgements = account.acknowledgements
    let migrated = account.migratedSessions
    let value = body(&account)
    for id in Set(migrated.keys).union(account.migratedSessions.keys) where migrated[id] != account.migratedSessions[id]
    {
      changed.insert(.migratedSession(userID, id))
    }
    let unsaved = account.replica.unsaved
    account.replica.changesAreSaved()
    changed.insert(.account(userID))
    changed.formUnion(unsaved.habits.map { .habit(userID, $0) })
    changed.formUnion(unsaved.formerHabits.map { .formerHabit(userID, $0) })
    changed.formUnion(unsaved.deletedHabits.map { .deletedHabit(userID, $0) })
    changed.formUnion(unsaved.aliases.map { .alias(userID, $0) })
    changed.formUnion(unsaved.cells.map { .cell(userID, $0) })
    changed.formUnion(unsaved.notices.map { .notice(userID, $0) })
    changed.formUnion(unsaved.operations.map { .operation(userID, $0) })
    changed.formUnion(unsaved.rejected.map { .rejected(userID, $0) })
    for id in Set(acknowledgements.keys).union(account.acknowledgements.keys)
    where acknowledgements[id] != account.acknowledgements[id] {
      changed.insert(.acknowledgement(userID, id))
    }
    accounts[userID] = account
    return value
  }

  /// Removes an account and its data from this device.
  mutating func dropAccount(_ userID: Identifier) {
    guard let account = accounts.removeValue(forKey: userID) else { return }
    noteWhole(account)
    if current == userID { current = nil }
    if pendingMigration?.userID == userID { pendingMigration = nil }
  }

  private mutating func noteWhole(_ account: ClientAccount) {
    let (userID, replica) = (account.replica.userID, account.replica)
    changed.insert(.account(userID))
    changed.formUnion(replica.habits.keys.map { .habit(userID, $0) })
    changed.formUnion(replica.cells.keys.map { .cell(userID, $0) })
    changed.formUnion(replica.notices.keys.map { .notice(userID, $0) })
    changed.formUnion((replica.queue + replica.kept.map(\.operation)).map { .operation(userID, $0.seq) })
    changed.formUnion(replica.rejected.map { .rejected(userID, $0.operation.time) })
    changed.formUnion(account.acknowledgements.keys.map { .acknowledgement(userID, $0) })
    changed.formUnion(account.migratedSessions.keys.map { .migratedSession(userID, $0) })
    changed.formUnion(replica.formerHabits.keys.map { .formerHabit(userID, $0) })
    changed.formUnion(replica.deletedHabits.keys.map { .deletedHabit(userID, $0) })
    changed.formUnion(replica.aliases.keys.map { .alias(userID, $0) })
  }

  // MARK: Storage

  /// Whether records have changed since the state was stored.
  var isUnsaved: Bool { hasNewSettings || !changed.isEmpty }

  /// Returns the changed records, and marks them as stored.
  mutating func takeChanges() -> [StorageChange] {
    var keys = changed
    if hasNewSettings { keys.insert(.settings) }
    changed = []
    hasNewSettings = false
    return keys.map { StorageChange(key: $0.bytes, value: value(of: $0)) }
  }

  init(_ records: [StorageRecord]) throws(StorageError) {
    var stored: [Identifier: (account: ClientAccount, replica: StoredReplica)] = [:]
    // In the order of keys, the record of the session or an account precedes the records that
    // belong to it.
    for record in records.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      guard let key = RecordKey(record.key) else { throw StorageError("a record has an unknown key") }
      try take(key, record.value, &stored)
    }
    for (userID, var entry) in stored {
      // The stored digest is not used: if records are missing or damaged, the next sync detects it
      // and pulls them again.
      entry.replica.digest = entry.replica.computedDigest
      entry.account.replica = DeviceReplica(restoring: entry.replica)
      accounts[userID] = entry.account
    }
    hasNewSettings = false
  }
}

extension ClientState {
  private func value(of key: RecordKey) -> [UInt8]? {
    switch key {
    case .settings: return settingsBytes
    case .session: return session?.recordBytes
    case .sessionHabit(let id): return session?.habits[id].map { Habit(id, $0).protobufBytes() }
    case .sessionEntry(let cell):
      return session?.entries[cell].map { entry in
        var writer = RecordWriter()
        let shown = CapturedEntry(
          habitId: cell.habitID.bytes, day: cell.day.number, done: entry.done, note: entry.note,
          clientTime: LocalTime(entry.clientTime))
        writer.append(shown.protobufBytes())
        writer.append(UInt32(entry.otherNotes.count))
        for note in entry.otherNotes { writer.append(note) }
        return writer.bytes
      }
    case .account(let userID): return accounts[userID]?.recordBytes
    case .habit(let userID, let id):
      return accounts[userID]?.replica.habits[id].map { Habit(id, $0).protobufBytes() }
    case .formerHabit(let userID, let id):
      return accounts[userID]?.replica.formerHabits[id].map { Habit(id, $0).protobufBytes() }
    case .deletedHabit(let userID, let id):
      return accounts[userID]?.replica.deletedHabits[id].map { Habit(id, $0).protobufBytes() }
    case .alias(let userID, let id): return accounts[userID]?.replica.aliases[id]?.bytes
    case .cell(let userID, let cell): return accounts[userID]?.replica.cells[cell].map { Cell($0).protobufBytes() }
    case .notice(let userID, let id):
      return accounts[userID]?.replica.notices[id].map { Schema.Notice(id, $0).protobufBytes() }
    case .operation(let userID, let seq):
      return accounts[userID]?.replica.operation(seq).map { kept in
        var writer = RecordWriter()
        writer.append(kept.decidedAt?.milliseconds ?? -1)
        writer.append(Schema.Operation(kept.operation).protobufBytes())
        writer.append(kept.isRejected)
        return writer.bytes
      }
    case .rejected(let userID, let time):
      return accounts[userID]?.replica.rejected.first { $0.operation.time == time }.map { rejected in
        var writer = RecordWriter()
        writer.append(rejected.reason.name)
        writer.append(Schema.Operation(rejected.operation).protobufBytes())
        return writer.bytes
      }
    case .acknowledgement(let userID, let id):
      return accounts[userID]?.acknowledgements[id].map { [$0 ? 1 : 0] }
    case .migratedSession(let userID, let id):
      return accounts[userID]?.migratedSessions[id]?.recordBytes
    }
  }

  private mutating func take(
    _ key: RecordKey, _ value: [UInt8], _ stored: inout [Identifier: (account: ClientAccount, replica: StoredReplica)]
  ) throws(StorageError) {
    switch key {
    case .settings: try takeSettings(value)
    case .session: session = try AnonymousSession(recordBytes: value)
    case .sessionHabit(let id): session?.habits[id] = HabitFields(try Self.decode(value, Habit.self))
    case .sessionEntry(let cell):
      var reader = RecordReader(value)
      let shown = try Self.decode(try reader.bytes(), CapturedEntry.self)
      guard let clientTime = ClientTime(shown.clientTime) else { throw StorageError("a day has no moment") }
      var entry = AnonymousSession.Entry(done: shown.done, note: shown.note, clientTime: clientTime)
      for _ in 0..<(try reader.number(UInt32.self)) { entry.otherNotes.append(try reader.text()) }
      session?.entries[cell] = entry
    case .account(let userID): stored[userID] = try ClientAccount.read(value, userID: userID)
    case .habit(let userID, let id):
      stored[userID]?.replica.habits[id] = HabitFields(try Self.decode(value, Habit.self))
    case .formerHabit(let userID, let id):
      stored[userID]?.replica.formerHabits[id] = HabitFields(try Self.decode(value, Habit.self))
    case .deletedHabit(let userID, let id):
      stored[userID]?.replica.deletedHabits[id] = HabitFields(try Self.decode(value, Habit.self))
    case .alias(let userID, let id): stored[userID]?.replica.aliases[id] = Identifier(value)
    case .cell(let userID, let cell):
      stored[userID]?.replica.cells[cell] = SyncChanges.Cell(try Self.decode(value, Cell.self))
    case .notice(let userID, let id):
      stored[userID]?.replica.notices[id] = StreakDomain.Notice(try Self.decode(value, Schema.Notice.self))
    case .operation(let userID, _):
      var reader = RecordReader(value)
      let decidedAt = try reader.number(Int64.self)
      let operation = StreakDomain.Operation(try Self.decode(try reader.bytes(), Schema.Operation.self))
      if decidedAt < 0 {
        stored[userID]?.replica.queue.append(operation)
      } else {
        stored[userID]?.replica.kept.append(
          .init(operation: operation, decidedAt: Instant(milliseconds: decidedAt), isRejected: try reader.bool()))
      }
    case .rejected(let userID, _):
      var reader = RecordReader(value)
      let reason = Reason(name: try reader.text()) ?? .invalidField
      let operation = StreakDomain.Operation(try Self.decode(try reader.bytes(), Schema.Operation.self))
      stored[userID]?.replica.rejected.append(.init(operation: operation, reason: reason))
    case .acknowledgement(let userID, let id): stored[userID]?.account.acknowledgements[id] = value == [1]
    case .migratedSession(let userID, let id):
      stored[userID]?.account.migratedSessions[id] = try MigratedSession(recordBytes: value)
    }
  }

  private static func decode<Message: ProtobufMessage>(
    _ bytes: [UInt8], _ type: Message.Type
  ) throws(StorageError) -> Message {
    do throws(DecodeError) { return try Message(protobufBytes: bytes) } catch {
      throw StorageError("a record cannot be read: \(error)")
    }
  }

  private var settingsBytes: [UInt8] {
    var writer = RecordWriter()
    writer.append(current?.bytes ?? [])
    writer.append(ownDayStartMinutes)
    writer.append(pendingSignUp != nil)
    if let pendingSignUp {
      writer.append(pendingSignUp.email)
      writer.append(pendingSignUp.idempotencyKey)
      writer.append(pendingSignUp.deviceID.bytes)
      writer.append(pendingSignUp.claim)
    }
    writer.append(pendingMigration != nil)
    if let pendingMigration {
      writer.append(pendingMigration.userID.bytes)
      writer.append(pendingMigration.claim)
    }
    return writer.bytes
  }

  private mutating func takeSettings(_ bytes: [UInt8]) throws(StorageError) {
    var reader = RecordReader(bytes)
    current = Identifier(try reader.bytes())
    ownDayStartMinutes = try reader.number()
    if try reader.bool() {
      pendingSignUp = PendingSignUp(
        email: try reader.text(), idempotencyKey: try reader.bytes(),
        deviceID: Identifier(try reader.bytes()) ?? .random(), claim: try reader.bytes())
    }
    if try reader.bool() {
      pendingMigration = PendingMigration(
        userID: Identifier(try reader.bytes()) ?? .zero, claim: try reader.bytes())
    }
  }
}

internal import Postgres
public import StreakDomain

/// A device as the server stores it.
public struct ExportedDeviceRecord: Sendable, Equatable {
  public var device: DeviceRecord
  public var registeredAt: Instant
  public var isSignedIn: Bool
}

/// A notice with its id.
public struct ExportedNoticeRecord: Sendable, Equatable {
  public var id: Identifier
  public var notice: Notice
}

/// Identifies the state of a user's data that an export shows, so that a broken one can be resumed.
public struct ExportSnapshot: Sendable, Equatable {
  /// The document's time.
  public var exportedAt: Instant
  /// The last audit event in it: the export itself adds further ones.
  public var auditNumber: Int64
  /// A hash that changes with anything else in the document.
  public var state: [UInt8]

  public init(exportedAt: Instant, auditNumber: Int64, state: [UInt8]) {
    self.exportedAt = exportedAt
    self.auditNumber = auditNumber
    self.state = state
  }
}

/// How an export ended.
public enum ExportEnd: Sendable, Equatable {
  /// All rows were visited.
  case complete
  /// The visitor returned false.
  case stopped
  /// The data has changed since the requested snapshot.
  case changed
  /// Another export of the person is under way, in whichever process.
  case busy
}

/// Some of a user's rows, of one kind.
public enum ExportedRows: Sendable {
  case account(UserRecord, habitCount: Int32, dayStartMinutes: Int32)
  case devices([ExportedDeviceRecord])
  case habits([HabitEntry])
  case cells([CellEntry])
  case earlierCells([EarlierCellEntry])
  case rejected([RejectedEntry])
  case rejectedOperations([RejectedOperation])
  case notices([ExportedNoticeRecord])
  case migrations([MigrationRecord])
  case auditEvents([AuditEventRecord])
}

extension StreakStore {
  /// Rows read at a time: the limit of an export's memory.
  static let exportChunkRows = 500

  private static let exportedUser = Statement(
    .read,
    """
    SELECT \(userColumns.list(of: "u")), h.change_number, h.settings,
      (SELECT count(*)::integer FROM habits WHERE habits.user_id = u.user_id)
    FROM users u JOIN heads h USING (user_id) WHERE user_id = $1
    """)
  private static let exportedDevice = Selection(DeviceColumn.known)
  private static let exportedDevices = CursorStatement(
    """
    SELECT \(exportedDevice.list()) FROM devices WHERE user_id = $1 ORDER BY device_id
    """, rowsPerChunk: exportChunkRows)
  private static let habit = Selection(HabitColumn.entry)
  private static let exportedHabits = CursorStatement(
    """
    SELECT \(habit.list()) FROM habits
    WHERE user_id = $1 ORDER BY habit_id
    """, rowsPerChunk: exportChunkRows)
  private static let exportedCells = CursorStatement(
    "SELECT \(entryColumns.list()) FROM cells WHERE user_id = $1 ORDER BY habit_id, day", rowsPerChunk: exportChunkRows)
  private static let earlier = Selection(CellColumn.entry + [.noteHash])
  private static let exportedHistory = CursorStatement(
    """
    SELECT \(earlier.list())
    FROM cell_history WHERE user_id = $1 ORDER BY habit_id, day, version
    """, rowsPerChunk: exportChunkRows)
  private static let rejectedEntry = Selection(RejectedEntryColumn.record)
  private static let exportedRejected = CursorStatement(
    """
    SELECT \(rejectedEntry.list()) FROM rejected_entries WHERE user_id = $1 ORDER BY entry_id
    """, rowsPerChunk: exportChunkRows)
  private static let rejectedOperation = Selection(RejectedOperationColumn.record)
  private static let exportedRejectedOperations = CursorStatement(
    """
    SELECT \(rejectedOperation.list()) FROM rejected_operations
    WHERE user_id = $1 ORDER BY device_id, seq
    """, rowsPerChunk: exportChunkRows)
  private static let notice = Selection(NoticeColumn.entry)
  private static let exportedNotices = CursorStatement(
    """
    SELECT \(notice.list()) FROM notices
    WHERE user_id = $1 ORDER BY notice_id
    """, rowsPerChunk: exportChunkRows)
  private static let exportedMigrations = CursorStatement(
    """
    SELECT \(migrationColumns.list()) FROM migrations
    WHERE user_id = $1 ORDER BY migration_id
    """, rowsPerChunk: exportChunkRows)
  private static let exportedAudit = CursorStatement(
    """
    SELECT \(auditColumns.list()) FROM audit_events
    WHERE user_id = $1 AND number <= $2 ORDER BY number
    """, rowsPerChunk: exportChunkRows)

  // The lock ends with the transaction, however that ends: it needs no lease, and a process that
  // was killed leaves none. Whatever changes habits, days or notices raises the change number; the
  // rest is looked at itself.
  private static let snapshot = Statement(
    .read,
    """
    SELECT coalesce((SELECT number FROM audit_heads WHERE user_id = $1), 0), sha256(convert_to(concat_ws('|',
      change_number, email,
      (SELECT string_agg(concat_ws(',', device_id, name, platform, app_version, extract(epoch FROM registered_at),
        refresh_hash IS NOT NULL), ';' ORDER BY device_id) FROM devices WHERE devices.user_id = $1),
      (SELECT concat_ws(',', count(*), extract(epoch FROM max(rejected_at))) FROM rejected_operations r WHERE r.user_id = $1),
      (SELECT concat_ws(',', count(*), extract(epoch FROM max(rejected_at))) FROM rejected_entries r WHERE r.user_id = $1),
      (SELECT concat_ws(',', count(*), count(undone_at)) FROM migrations m WHERE m.user_id = $1)), 'UTF8')),
      pg_try_advisory_xact_lock(hashtextextended('streakd export ' || $1::text, 0))
    FROM users JOIN heads USING (user_id) WHERE user_id = $1
    """)

  /// Reads everything that belongs to a person from one snapshot, kind by kind in the order of
  /// `ExportedRows`, a bounded number of rows at a time. One export of a person at a time, across
  /// all processes of the database.
  ///
  /// - Parameters:
  ///   - wanted: The required state; nil: any.
  ///   - begin: Receives the snapshot; false ends the export.
  ///   - visit: Receives some rows; false ends the export.
  public func export(
    of userID: Identifier, at now: Instant = .now(), resuming wanted: ExportSnapshot? = nil,
    begin: (ExportSnapshot) async -> Bool = { _ in true }, _ visit: (ExportedRows) async -> Bool
  ) async throws(StoreError) -> ExportEnd {
    try await transaction(.snapshot) { transaction throws(StoreError) in
      let found = try await transaction.row(Self.snapshot, .identifier(userID)) { row throws(DatabaseError) in
        (
          snapshot: ExportSnapshot(exportedAt: now, auditNumber: try row.int64(0), state: try row.bytes(1)),
          isAlone: try row.bool(2)
        )
      }
      guard let (found, isAlone) = found else { throw StoreError.noSuchUser }
      guard isAlone else { return .commit(.busy) }
      if let wanted, wanted.state != found.state || wanted.auditNumber > found.auditNumber { return .commit(.changed) }
      let snapshot = wanted ?? found
      guard await begin(snapshot) else { return .commit(.stopped) }
      return .commit(try await visitAll(of: userID, snapshot, transaction, visit) ? .complete : .stopped)
    }
  }

  private func visitAll(
    of userID: Identifier, _ snapshot: ExportSnapshot, _ transaction: Transaction,
    _ visit: (ExportedRows) async -> Bool
  ) async throws(StoreError) -> Bool {
    let account = try await transaction.row(Self.exportedUser, .identifier(userID)) { row throws(DatabaseError) in
      let columns = Self.userColumns
      let user = try row.user(
        columns, userID: userID, changeNumber: try row.int64(columns.end), recoveryCodesLeft: 0)
      let settings = AccountSettings(encoded: try row.bytes(columns.end + 1))
      return ExportedRows.account(
        user, habitCount: try row.int32(columns.end + 2), dayStartMinutes: settings.dayStartMinutes)
    }
    guard let account else { throw StoreError.noSuchUser }
    var goesOn = await visit(account)
    if goesOn {
      goesOn = try await Self.each(Self.exportedDevices, of: userID, in: transaction, { .devices($0) }, visit) {
        row throws(DatabaseError) in
        let known = try row.knownDevice(Self.exportedDevice)
        return ExportedDeviceRecord(
          device: known.device, registeredAt: known.registeredAt, isSignedIn: known.isSignedIn)
      }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedHabits, of: userID, in: transaction, { .habits($0) }, visit) {
        row throws(DatabaseError) in try row.habitEntry(Self.habit)
      }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedCells, of: userID, in: transaction, { .cells($0) }, visit) {
        row throws(DatabaseError) in try row.cellEntry(Self.entryColumns)
      }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedHistory, of: userID, in: transaction, { .earlierCells($0) }, visit) {
        row throws(DatabaseError) in
        EarlierCellEntry(entry: try row.cellEntry(Self.earlier), noteHash: try row.bytes(Self.earlier[.noteHash]))
      }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedRejected, of: userID, in: transaction, { .rejected($0) }, visit) {
        row throws(DatabaseError) in
        try row.rejectedEntry(Self.rejectedEntry)
      }
    }
    if goesOn {
      goesOn = try await Self.each(
        Self.exportedRejectedOperations, of: userID, in: transaction, { .rejectedOperations($0) }, visit
      ) { row throws(DatabaseError) in try row.rejectedOperation(Self.rejectedOperation) }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedNotices, of: userID, in: transaction, { .notices($0) }, visit) {
        row throws(DatabaseError) in
        let (id, notice) = try row.notice(Self.notice)
        return ExportedNoticeRecord(id: id, notice: notice)
      }
    }
    if goesOn {
      goesOn = try await Self.each(Self.exportedMigrations, of: userID, in: transaction, { .migrations($0) }, visit) {
        row throws(DatabaseError) in
        try row.migration(Self.migrationColumns)
      }
    }
    if goesOn {
      goesOn = try await Self.each(
        Self.exportedAudit, of: userID, .int64(snapshot.auditNumber), in: transaction, { .auditEvents($0) }, visit
      ) {
        row throws(DatabaseError) in
        try row.auditEvent(Self.auditColumns, of: userID)
      }
    }
    return goesOn
  }

  /// Reads one kind of rows, chunk by chunk.
  private static func each<Value>(
    _ cursor: CursorStatement, of userID: Identifier, _ more: PostgresValue? = nil, in transaction: Transaction,
    _ wrap: ([Value]) -> ExportedRows, _ visit: (ExportedRows) async -> Bool,
    decode: (borrowing Row) throws(DatabaseError) -> Value
  ) async throws(StoreError) -> Bool {
    do throws(DatabaseError) {
      if let more {
        try await transaction.open(cursor, .identifier(userID), more)
      } else {
        try await transaction.open(cursor, .identifier(userID))
      }
      while true {
        let values = try await transaction.nextChunk(cursor).map(decode)
        guard !values.isEmpty else { break }
        guard await visit(wrap(values)) else { return false }
      }
      try await transaction.close(cursor)
      return true
    } catch {
      throw StoreError(error)
    }
  }
}

internal import Postgres
internal import StreakDomain
internal import Synchronization

/// Stores what was decided for any number of people in one statement.
///
/// For each person all of it takes effect, or none if the person's change number is not the one that was loaded any more. Whoever changes a
/// person's data raises that number in the same statement; so the row in `users` is the lock, and rows are locked in the order of the ids.
struct LedgerStore {
  /// The tables that a change may touch, in the order of the statement's parts.
  private enum Target: Int, CaseIterable {
    case users
    case devices
    case history
    case passing
    case newCells
    case replacedCells
    case summaries
    case habits
    case operations
    case rejected
    case notices
    case hints
  }

  /// What is to be done; for one row or for several.
  private var parts: [(target: Target, part: any StatementPart, isSingle: Bool)] = []
  private var parameters: [PostgresValue] = []

  /// - Parameter people: Those with changes, by ascending id.
  init(_ people: [LedgerPerson], now: Moment) {
    parameters.reserveCapacity(people.count == 1 ? 64 : 0)
    // Each kind of row of everybody before the next: rows of one target belong to one part.
    add(.users, Self.users, people) { Self.users(of: $0, $1) }
    add(.devices, Self.devices, people) { Self.devices(of: $0, $1) }
    add(.history, Self.history, people) { person, ledger in
      ledger.changes.replacedCells.sorted().map { CellKeyRow(userID: person.userID, key: $0) }
    }
    add(.passing, Self.passingStates, people) { person, ledger in
      ledger.changes.passingStates.map { CellRow(userID: person.userID, key: $0.key, state: $0.state) }
    }
    add(.newCells, Self.newCells, people) { Self.cells(of: $0, $1, replaced: false) }
    add(.replacedCells, Self.replacedCells, people) { Self.cells(of: $0, $1, replaced: true) }
    add(.summaries, Self.summaries, people) { Self.habits(of: $0, $1, edited: false) }
    add(.habits, Self.habits, people) { Self.habits(of: $0, $1, edited: true) }
    add(.operations, Self.operations, people) { person, _ in
      person.decided.map { OperationRow(userID: person.userID, decided: $0, decidedAt: now) }
    }
    add(.rejected, Self.rejected, people) { person, _ in
      person.decided.filter { $0.outcome.status == .rejected }.map {
        OperationRow(userID: person.userID, decided: $0, decidedAt: now)
      }
    }
    add(.notices, Self.notices, people) { person, ledger in
      ledger.changes.notices.sorted().compactMap { id in
        ledger.notices[id].map { NoticeRow(userID: person.userID, noticeID: id, notice: $0) }
      }
    }
    add(.hints, Self.hints, ChangeHint.payloads(people.compactMap { Self.hint(of: $0) }))
  }

  /// - Returns: The people for whom it took effect.
  func run(by runner: some StatementRunner) async throws(StoreError) -> Set<Identifier> {
    let bound = bound
    do throws(DatabaseError) {
      let stored = try await runner.run(bound.statement, parameters: bound.parameters).map {
        row throws(DatabaseError) in
        try row.identifierOrNull(0)
      }
      return Set(stored.compactMap { $0 })
    } catch {
      throw StoreError(error)
    }
  }

  /// Finds a row for each person for whom it took effect (and one for each hint).
  var bound: BoundStatement { BoundStatement(statement: statement, parameters: parameters) }

  // MARK: The statement

  /// Statements by what they store: two bits for each target (0: nothing, 1: one row, 2: several).
  private static let statements = Mutex<[UInt32: Statement]>([:])

  private var statement: Statement {
    let key = parts.reduce(UInt32(0)) { $0 | UInt32($1.isSingle ? 1 : 2) << UInt32(2 * $1.target.rawValue) }
    return Self.statements.withLock { statements in
      if let statement = statements[key] { return statement }
      var next = 1
      var expressions: [String] = []
      var hints = ""
      // One person alone needs no search.
      let isChanged =
        parts.contains { $0.target == .users && $0.isSingle }
        ? "EXISTS (SELECT FROM changed)" : "(w.user_id IN (SELECT user_id FROM changed)) IS TRUE"
      for (target, part, isSingle) in parts {
        let text = part.text(firstParameter: next, isSingle: isSingle).split(
          separator: Self.changed, omittingEmptySubsequences: false
        )
        .joined(separator: isChanged)
        next += part.columnCount
        if target == .hints {
          hints = " UNION ALL \(text)"
        } else {
          expressions.append("\(target == .users ? "changed" : "\(target)_part") AS (\(text))")
        }
      }
      let statement = Statement(
        .write, "WITH \(expressions.joined(separator: ", ")) SELECT user_id FROM changed\(hints)")
      statements[key] = statement
      return statement
    }
  }

  private mutating func add<Row>(
    _ target: Target, _ part: ColumnarPart<Row>, _ people: [LedgerPerson],
    _ rows: (LedgerPerson, borrowing PersonLedger) -> [Row]
  ) {
    var all: [Row] = []
    for person in people {
      guard let ledger = person.ledger else { continue }
      let some = rows(person, ledger)
      if all.isEmpty { all = some } else { all += some }
    }
    add(target, part, all)
  }

  private mutating func add<Row>(_ target: Target, _ part: ColumnarPart<Row>, _ rows: [Row]) {
    guard !rows.isEmpty else { return }
    parts.append((target, part, rows.count == 1))
    part.append(rows, to: &parameters)
  }

  // MARK: Rows

  private static func users(of person: LedgerPerson, _ ledger: borrowing PersonLedger) -> [PersonRow] {
    [
      PersonRow(
        userID: person.userID, oldNumber: person.changeNumberBefore, newNumber: ledger.changeNumber,
        digest: ledger.digest.bytes, zoneUses: ledger.zones.encoded, habitCount: Int32(clamping: ledger.habitCount))
    ]
  }

  private static func devices(of person: LedgerPerson, _ ledger: borrowing PersonLedger) -> [DeviceRow] {
    var rows: [DeviceRow] = []
    for id in ledger.changes.devices.sorted() {
      guard let device = ledger.devices[id] else { continue }
      let claims = device.catchUp.encodedClaims
      rows.append(
        DeviceRow(
          userID: person.userID, deviceID: id, lastSeq: device.lastSeq,
          caughtUpAtMilliseconds: device.catchUp.caughtUpAtMilliseconds, firstDay: claims.firstDay, days: claims.days))
    }
    return rows
  }

  private static func cells(
    of person: LedgerPerson, _ ledger: borrowing PersonLedger, replaced: Bool
  ) -> [CellRow] {
    var rows: [CellRow] = []
    for key in ledger.changes.cells.sorted() where ledger.changes.replacedCells.contains(key) == replaced {
      guard let state = ledger.cells[key] else { continue }
      rows.append(CellRow(userID: person.userID, key: key, state: state))
    }
    return rows
  }

  private static func habits(
    of person: LedgerPerson, _ ledger: borrowing PersonLedger, edited: Bool
  ) -> [HabitRow] {
    var rows: [HabitRow] = []
    for id in ledger.changes.habits.sorted() where ledger.changes.editedHabits.contains(id) == edited {
      guard let habit = ledger.habits[id] else { continue }
      rows.append(HabitRow(userID: person.userID, habitID: id, habit: habit))
    }
    return rows
  }

  /// Tells those who watch. A hint for somebody whose change does not take effect after all does no harm.
  private static func hint(of person: LedgerPerson) -> ChangeHint? {
    guard person.hasOtherDevices, let ledger = person.ledger, ledger.changes.isVisible else { return nil }
    return ChangeHint(userID: person.userID, changeNumber: ledger.changeNumber, deviceID: person.onlyDeviceID)
  }
}

extension OperationRejection {
  /// The number of the schema's `ErrorReason`.
  var number: Int32 {
    switch self {
    case .malformed: 1
    case .futureDay: 12
    case .dayMismatch: 13
    case .daySealed: 14
    case .habitNotFound: 15
    case .cellNotFound: 16
    case .habitLimit: 19
    case .clockSkew: 28
    case .changeUnknown: 29
    case .conflictNotFound: 30
    }
  }

  init?(number: Int32) {
    guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = found
  }
}

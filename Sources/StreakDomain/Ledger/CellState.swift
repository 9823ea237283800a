/// Names a cell of one person's ledger.
public struct CellKey: Hashable, Comparable, Sendable {
  public var habitID: Identifier
  public var day: Day

  public init(habitID: Identifier, day: Day) {
    self.habitID = habitID
    self.day = day
  }

  public static func < (left: CellKey, right: CellKey) -> Bool {
    (left.habitID, left.day) < (right.habitID, right.day)
  }
}

/// The ledger's state of one habit on one day.
public struct CellState: Hashable, Sendable {
  /// The result of the statements.
  public var cell: CellContent
  /// The change number of the last change.
  public var version: Int64
  /// The last statement that was merged; without details, the only one.
  public var stamp: Stamp
  /// When and where the last statement was made.
  public var clientTime: ClientTime
  /// When the server stored the last change.
  public var recordedAt: Instant
  /// The statements. Nil: one completion, with its note if `cell` has one; most days are like this.
  private(set) var details: DayStatements?
  /// `details` for storage, beside the columns of `cell`, `stamp` and `clientTime`: empty if these
  /// contain everything. Encoded once for each change: its size counts as well.
  public private(set) var encodedDetails: [UInt8]

  public init(
    cell: CellContent, version: Int64, stamp: Stamp, clientTime: ClientTime, recordedAt: Instant,
    details: DayStatements? = nil
  ) {
    self.cell = cell
    self.version = version
    self.stamp = stamp
    self.clientTime = clientTime
    self.recordedAt = recordedAt
    self.details = details
    encodedDetails = details?.encoded ?? []
  }

  /// All statements about the day.
  public var statements: DayStatements {
    if let details { return details }
    var statements = DayStatements()
    if cell.done {
      statements.completions = [DayStatements.Completion(id: stamp.id, trust: CompletionTrust(cell.trust))]
    }
    if !cell.note.isEmpty { statements.note = Register(cell.note, stamp) }
    return statements
  }

  /// Sets the statements and their result.
  /// - Parameter last: The statement that was merged.
  mutating func take(_ statements: DayStatements, last: Stamp) {
    let note = statements.note.winner
    cell = CellContent(done: statements.isDone, note: note?.value ?? "", trust: statements.trust.trust)
    stamp = note.flatMap { $0.stamp.id == last.id ? $0.stamp : nil } ?? last
    details = isAll(statements) ? nil : statements
    encodedDetails = details?.encoded ?? []
  }

  /// Whether "done" by this author replaces everything that was stated about a day before, so that
  /// it is all there is to store: the usual day, of one device. The result of merging it is the
  /// same.
  /// - Parameters:
  ///   - state: The state before; nil: nothing was stated.
  ///   - note: The note stated with it.
  static func replaces(
    _ state: CellState?, doneBy author: Author, trust: CompletionTrust, note: String?
  ) -> Bool {
    guard author.ahead == .nothing, !trust.isExempt, note?.isEmpty != true else { return false }
    guard let state else { return true }
    guard state.details == nil, note != nil || state.cell.note.isEmpty else { return false }
    guard state.cell.done else { return state.cell.note.isEmpty || author.covers(state.stamp.id) }
    return state.stamp.id.source == author.id.source && state.stamp.id.seq < author.id.seq
      && state.cell.trust == trust.trust
  }

  /// Sets "done" as all that is stated.
  mutating func takeDone(_ stamp: Stamp, trust: CompletionTrust, note: String?) {
    cell = CellContent(done: true, note: note ?? "", trust: trust.trust)
    self.stamp = stamp
    details = nil
    encodedDetails = []
  }

  /// Whether `cell` and `stamp` contain all statements.
  private func isAll(_ stated: DayStatements) -> Bool {
    guard stated.undos.isEmpty, stated.takenBack.isEmpty, stated.note.isOnly(cell.note.isEmpty ? nil : cell.note, stamp)
    else { return false }
    guard cell.done else { return stated.completions.isEmpty }
    return stated.completions.count == 1
      && stated.completions[0] == DayStatements.Completion(id: stamp.id, trust: CompletionTrust(cell.trust))
  }

  /// It counts, and did not count anywhere before: the bound of days before an account's first date
  /// applies to it.
  public var countsAsNew: Bool { cell.counts && !(details?.trust.isExempt ?? false) }

  /// The standing completions: an undo names those it takes back.
  public var completions: [StatementID] { mapCompletions { $0 } }

  /// `completions`, each converted by `body`: one array for a page of thousands of days.
  public func mapCompletions<Value>(_ body: (StatementID) -> Value) -> [Value] {
    guard let details else { return cell.done ? [body(stamp.id)] : [] }
    return details.completions.map { body($0.id) }
  }

  /// The migration that it came from, if any.
  public var migrationID: Identifier? {
    details?.completions.lazy.compactMap(\.id.migrationID).first ?? stamp.id.migrationID
  }

  /// The latest time among the statements.
  public var latestTime: HybridTime { max(stamp.time, details?.note.winner?.stamp.time ?? .zero) }

  /// The statements that stand (`DayStatements.activity`).
  var activity: [StatementID] { details?.activity ?? [stamp.id] }

  /// Reads `encodedDetails` back; unreadable bytes give the value of the other columns.
  public mutating func setDetails(encoded: [UInt8]) {
    details = encoded.isEmpty ? nil : DayStatements(encoded: encoded)
    encodedDetails = details == nil ? [] : encoded
  }

  /// The digest of a cell.
  public static func itemDigest(_ key: CellKey, _ cell: CellContent) -> StateDigest {
    var bytes = CanonicalBytes(tag: 2)
    bytes.append(key.habitID)
    bytes.append(key.day.number)
    bytes.append(cell.done)
    bytes.append(cell.trust.number)
    bytes.append(cell.note)
    return StateDigest(ofItem: bytes.bytes)
  }
}

extension CellTrust {
  /// 0 if the cell counts, otherwise the number of the `QuarantineReason`.
  public var number: UInt8 {
    switch self {
    case .counted: 0
    case .quarantined(let reason): reason.rawValue
    case .quarantinedOtherwise(let number): number
    }
  }

  /// The trust with a number, which it keeps if it is unknown: it is a part of the digest.
  public init(number: UInt8) {
    self =
      number == 0
      ? .counted : QuarantineReason(rawValue: number).map { .quarantined($0) } ?? .quarantinedOtherwise(number)
  }
}

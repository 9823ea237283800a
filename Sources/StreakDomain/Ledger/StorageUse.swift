/// What one person's data may take in the database, in bytes, and how much of it may change.
///
/// No day is ever refused for a quota: of a completion only the note is, and of what is superseded
/// or rejected only the text goes.
public struct StorageQuotas: Hashable, Sendable {
  /// Texts that hold now: notes of days, what is kept of their conflicts, names and descriptions of
  /// habits, and notices. A note that does not fit is refused (`Reason.textQuota`).
  public var textBytesMax = 32 << 20
  /// Texts of superseded states. Beyond it a superseded state is kept with the hash of its note
  /// instead of the note.
  public var historyBytesMax = 32 << 20
  /// Rejected operations and entries. Beyond it reason and hash of one are kept.
  public var inboxBytesMax = 8 << 20
  /// Changes on one day (UTC); those beyond it have to wait. 0: no limit.
  public var changesPerDayMax = 100_000

  public init() {}
}

/// What one person's data takes, counted with each change: a scan for it would cost what there is.
public struct StorageUse: Hashable, Sendable {
  /// Of `StorageQuotas.textBytesMax`.
  public private(set) var textBytes = 0
  /// Of `StorageQuotas.historyBytesMax`.
  public private(set) var historyBytes = 0
  /// Of `StorageQuotas.inboxBytesMax`.
  public private(set) var inboxBytes = 0
  /// The day (UTC) that `changesOfDay` counts.
  private var day: Int64 = 0
  private var changesOfDay = 0

  public init() {}

  mutating func addText(_ bytes: Int) { textBytes = max(0, textBytes + bytes) }
  mutating func addHistory(_ bytes: Int) { historyBytes += bytes }
  mutating func addInbox(_ bytes: Int) { inboxBytes += bytes }

  /// Counts changes of a day, or refuses all of them.
  /// - Parameters:
  ///   - countMax: The day's limit; 0: none.
  ///   - now: The server's clock.
  /// - Returns: Nil if they are counted; otherwise how long the day lasts, in milliseconds.
  mutating func countChanges(_ count: Int, countMax: Int, now: Instant) -> Int64? {
    let (today, passed) = max(0, now.milliseconds).quotientAndRemainder(dividingBy: ClientTime.millisecondsPerDay)
    let before = today == day ? changesOfDay : 0
    guard countMax == 0 || before + count <= countMax else { return ClientTime.millisecondsPerDay - passed }
    (day, changesOfDay) = (today, before + count)
    return nil
  }

  // MARK: Storage

  /// For storage: five numbers, each as groups of seven bits, the lowest first.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    for number in [UInt64(textBytes), UInt64(historyBytes), UInt64(inboxBytes), UInt64(day), UInt64(changesOfDay)] {
      var rest = number
      while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: rest))
    }
    return bytes
  }

  /// Reads `encoded` back; what is missing is 0.
  public init(encoded: [UInt8]) {
    var numbers: [Int] = []
    var (number, shift) = (UInt64(0), UInt64(0))
    for byte in encoded {
      number |= UInt64(byte & 0x7F) << shift
      shift += 7
      guard byte & 0x80 == 0 else { continue }
      numbers.append(Int(clamping: number))
      (number, shift) = (0, 0)
    }
    func read(_ place: Int) -> Int { place < numbers.count ? numbers[place] : 0 }
    (textBytes, historyBytes, inboxBytes) = (read(0), read(1), read(2))
    (day, changesOfDay) = (Int64(read(3)), read(4))
  }
}

/// How often a quota made a change lose something.
public struct QuotaCounts: Hashable, Sendable {
  /// Notes, habits and edits that were refused.
  public var textsRefused = 0
  /// Superseded states of which the text was not kept.
  public var historyTextsDropped = 0
  /// Rejected operations and entries of which the payload was not kept.
  public var inboxPayloadsDropped = 0
  /// Calls with more changes than the day has room for.
  public var callsDelayed = 0

  public init() {}

  public static func += (sum: inout QuotaCounts, counts: QuotaCounts) {
    sum.textsRefused += counts.textsRefused
    sum.historyTextsDropped += counts.historyTextsDropped
    sum.inboxPayloadsDropped += counts.inboxPayloadsDropped
    sum.callsDelayed += counts.callsDelayed
  }
}

extension PersonLedger {
  /// Bytes that a habit's row counts as besides its texts: deleted habits stay in the ledger, and
  /// must not be free.
  static let habitRowBytes = 128

  /// Whether there is room for `bytes` of text in the place of `replaced`. What is no longer than
  /// before always fits.
  func hasRoom(for bytes: Int, replacing replaced: Int = 0) -> Bool {
    bytes <= replaced || use.textBytes + bytes - replaced <= quotas.textBytesMax
  }

  /// Whether a day's note may become this one.
  func hasRoom(for note: String, of key: CellKey) -> Bool {
    hasRoom(for: note.utf8.count, replacing: cells[key]?.cell.note.utf8.count ?? 0)
  }

  /// Whether its texts take no more room than they may.
  public var isWithinTextQuota: Bool { use.textBytes <= quotas.textBytesMax }

  /// Notes that a text was refused.
  mutating func refuseText() -> Reason {
    changes.quotas.textsRefused += 1
    return .textQuota
  }

  /// Counts a superseded state.
  /// - Returns: Whether its text is kept.
  mutating func takeIntoHistory(_ bytes: Int) -> Bool {
    guard bytes > 0 else { return true }
    guard use.historyBytes + bytes <= quotas.historyBytesMax else {
      changes.quotas.historyTextsDropped += 1
      return false
    }
    use.addHistory(bytes)
    return true
  }

  /// Counts a superseded state that an import brings.
  /// - Returns: Whether its text is kept.
  public mutating func takeIntoHistory(note: String) -> Bool { takeIntoHistory(note.utf8.count) }

  /// Counts what a rule or quota has put into the inbox.
  /// - Returns: Whether its payload is kept.
  public mutating func takeIntoInbox(_ bytes: Int) -> Bool {
    guard use.inboxBytes + bytes <= quotas.inboxBytesMax else {
      changes.quotas.inboxPayloadsDropped += 1
      return false
    }
    use.addInbox(bytes)
    return true
  }

  /// Counts changes of the present day, or refuses all of them.
  /// - Returns: Nil if they are counted; otherwise after how long they may come again, in
  ///   milliseconds.
  public mutating func countChanges(_ count: Int, now: Instant) -> Int64? {
    use.countChanges(count, countMax: quotas.changesPerDayMax, now: now)
  }
}

extension CellState {
  /// What its texts take in storage.
  var textBytes: Int { cell.note.utf8.count + (details?.encoded.count ?? 0) }
}

extension HabitState {
  /// What it counts as in storage.
  var textBytes: Int {
    PersonLedger.habitRowBytes + fields.name.utf8.count + fields.description.utf8.count + encodedStatements.count
  }
}

extension HabitFields {
  /// Bytes of its texts.
  var textBytes: Int { name.utf8.count + description.utf8.count }
}

extension Notice {
  /// It repeats what people wrote.
  var isOfTexts: Bool { kind == .noteConflict || kind == .fieldConflict }
  /// What its texts take in storage.
  public var textBytes: Int { kept.utf8.count + other.utf8.count }
}

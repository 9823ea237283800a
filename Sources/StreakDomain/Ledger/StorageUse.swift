/// Limits of one person's data in the database, in bytes, and of its changes.
///
/// No day is ever refused for a quota: of a completion only the note is refused, and of superseded
/// or rejected statements only the text is dropped.
public struct StorageQuotas: Hashable, Sendable {
  /// The bytes of current texts: notes of days and of their conflicts, names and descriptions of
  /// habits, and notices. A note beyond the limit is refused (`Reason.textQuota`).
  public var textBytesMax = 32 << 20
  /// Texts of superseded states. Beyond it a superseded state is kept with the hash of its note
  /// instead of the note.
  public var historyBytesMax = 32 << 20
  /// Superseded states of days, each as `StorageUse.historyStateBytes`. Beyond it none is kept.
  public var historyStatesBytesMax = 64 << 20
  /// Rejected operations and entries. Beyond it only reason and hash are kept.
  public var inboxBytesMax = 8 << 20
  /// Changes on one day (UTC); further ones have to wait. 0: no limit.
  public var changesPerDayMax = 100_000

  public init() {}
}

/// The storage use of one person's data, updated with each change: a scan would cost as much as the
/// data's size.
public struct StorageUse: Hashable, Sendable {
  /// Counts towards `StorageQuotas.textBytesMax`.
  public private(set) var textBytes = 0
  /// Counts towards `StorageQuotas.historyBytesMax`.
  public private(set) var historyBytes = 0
  /// Counts towards `StorageQuotas.historyStatesBytesMax`.
  public private(set) var historyStatesBytes = 0
  /// Counts towards `StorageQuotas.inboxBytesMax`.
  public private(set) var inboxBytes = 0
  /// The day (UTC) that `changesOfDay` counts.
  private var day: Int64 = 0
  private var changesOfDay = 0

  /// Bytes that a superseded state counts besides its texts.
  public static let historyStateBytes = 256

  public init() {}

  mutating func addText(_ bytes: Int) { textBytes = max(0, textBytes + bytes) }
  mutating func addHistory(_ bytes: Int) { historyBytes += bytes }
  mutating func addHistoryState() { historyStatesBytes += Self.historyStateBytes }
  mutating func addInbox(_ bytes: Int) { inboxBytes += bytes }

  /// Counts changes of a day, or refuses all of them.
  ///
  /// - Parameters:
  ///   - countMax: The day's limit; 0: none.
  ///   - now: The server's clock.
  /// - Returns: Nil if they are counted; otherwise the rest of the day, in milliseconds.
  mutating func countChanges(_ count: Int, countMax: Int, now: Instant) -> Int64? {
    let (today, passed) = max(0, now.milliseconds).quotientAndRemainder(dividingBy: ClientTime.millisecondsPerDay)
    let before = today == day ? changesOfDay : 0
    guard countMax == 0 || before + count <= countMax else { return ClientTime.millisecondsPerDay - passed }
    (day, changesOfDay) = (today, before + count)
    return nil
  }

  // MARK: Storage

  /// For storage: six numbers, each as groups of seven bits, the lowest first.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    for number in [
      UInt64(textBytes), UInt64(historyBytes), UInt64(inboxBytes), UInt64(day), UInt64(changesOfDay),
      UInt64(historyStatesBytes),
    ] {
      var rest = number
      while rest >= 0x80 {
        bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(truncatingIfNeeded: rest))
    }
    return bytes
  }

  /// Reads `encoded` back; missing numbers are 0.
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
    (day, changesOfDay, historyStatesBytes) = (Int64(read(3)), read(4), read(5))
  }
}

/// How often a quota dropped or refused a part of a change.
public struct QuotaCounts: Hashable, Sendable {
  /// Notes, habits and edits that were refused.
  public var textsRefused = 0
  /// Superseded states whose text was not kept.
  public var historyTextsDropped = 0
  /// Superseded states that were not kept.
  public var historyStatesDropped = 0
  /// Rejected operations and entries whose payload was not kept.
  public var inboxPayloadsDropped = 0
  /// Calls with more changes than the day's limit allows.
  public var callsDelayed = 0
  /// Audit events that were removed before their account.
  public var auditEventsForgotten = 0

  public init() {}

  public static func += (sum: inout QuotaCounts, counts: QuotaCounts) {
    sum.textsRefused += counts.textsRefused
    sum.historyTextsDropped += counts.historyTextsDropped
    sum.historyStatesDropped += counts.historyStatesDropped
    sum.inboxPayloadsDropped += counts.inboxPayloadsDropped
    sum.callsDelayed += counts.callsDelayed
    sum.auditEventsForgotten += counts.auditEventsForgotten
  }
}

extension PersonLedger {
  /// Bytes that a habit's row counts besides its texts, because deleted habits stay in the ledger
  /// and must count.
  static let habitRowBytes = 128

  /// Whether there is room for `bytes` of text instead of `replaced`. A text that is no longer than
  /// before always fits.
  func hasRoom(for bytes: Int, replacing replaced: Int = 0) -> Bool {
    bytes <= replaced || use.textBytes + bytes - replaced <= quotas.textBytesMax
  }

  /// Whether a day's note may become this one.
  func hasRoom(for note: String, of key: CellKey) -> Bool {
    hasRoom(for: note.utf8.count, replacing: cells[key]?.cell.note.utf8.count ?? 0)
  }

  /// Whether its texts are within the quota.
  public var isWithinTextQuota: Bool { use.textBytes <= quotas.textBytesMax }

  /// Records that a text was refused.
  mutating func refuseText() -> Reason {
    changes.quotas.textsRefused += 1
    return .textQuota
  }

  /// Counts a superseded state, with bytes of text.
  mutating func takeStateIntoHistory(_ bytes: Int) -> KeptState {
    guard use.historyStatesBytes + StorageUse.historyStateBytes <= quotas.historyStatesBytesMax else {
      changes.quotas.historyStatesDropped += 1
      return .nothing
    }
    use.addHistoryState()
    return takeIntoHistory(bytes) ? .whole : .withoutText
  }

  /// Counts a superseded state's text.
  /// - Returns: Whether it is kept.
  mutating func takeIntoHistory(_ bytes: Int) -> Bool {
    guard bytes > 0 else { return true }
    guard use.historyBytes + bytes <= quotas.historyBytesMax else {
      changes.quotas.historyTextsDropped += 1
      return false
    }
    use.addHistory(bytes)
    return true
  }

  /// Counts a superseded state of an import.
  /// - Returns: Whether its text is kept.
  public mutating func takeIntoHistory(note: String) -> Bool {
    // It has been brought once, and its document is bounded.
    use.addHistoryState()
    return takeIntoHistory(note.utf8.count)
  }

  /// Counts an item that a rule or quota has put into the inbox.
  /// - Returns: Whether its payload is kept.
  public mutating func takeIntoInbox(_ bytes: Int) -> Bool {
    guard use.inboxBytes + bytes <= quotas.inboxBytesMax else {
      changes.quotas.inboxPayloadsDropped += 1
      return false
    }
    use.addInbox(bytes)
    return true
  }

  /// Counts changes of the current day, or refuses all of them.
  /// - Returns: Nil if they are counted; otherwise the time until they may be repeated, in
  ///   milliseconds.
  public mutating func countChanges(_ count: Int, now: Instant) -> Int64? {
    use.countChanges(count, countMax: quotas.changesPerDayMax, now: now)
  }
}

extension CellState {
  /// Bytes of its texts in storage.
  var textBytes: Int { cell.note.utf8.count + encodedDetails.count }
}

extension HabitState {
  /// Bytes that it counts in storage.
  var textBytes: Int {
    PersonLedger.habitRowBytes + fields.name.utf8.count + fields.description.utf8.count + encodedStatements.count
  }
}

extension HabitFields {
  /// Bytes of its texts.
  package var textBytes: Int { name.utf8.count + description.utf8.count }
}

extension Notice {
  /// It repeats people's texts.
  var isOfTexts: Bool { kind == .noteConflict || kind == .fieldConflict }
  /// Bytes of its texts in storage.
  public var textBytes: Int { (winningValue?.text.utf8.count ?? 0) + (losingValue?.text.utf8.count ?? 0) }
}

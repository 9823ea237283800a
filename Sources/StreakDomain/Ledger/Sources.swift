/// The last statement of each source of a person's data: devices, direct calls, migrations,
/// imports, recoveries.
public struct Sources: Equatable, Sendable {
  public struct Source: Equatable, Sendable {
    public let id: Identifier
    /// The last decided statement; 0 for a device without one.
    public var lastSeq: Int64
    /// For a device: its claims of days.
    public var backfill: BackfillAllowance

    /// Other sources are never caught up.
    var isDevice: Bool { backfill.caughtUpAt > .epoch }

    /// A catch-up this much older than now is renewed although nothing was claimed since, in
    /// milliseconds; a newer one would not justify a write.
    static let renewalMilliseconds: Int64 = 600_000
  }

  /// Most sources that are kept; the earliest are dropped. Every author counts as knowing their
  /// statements.
  public static let countMax = 256

  /// In the order of arrival.
  public private(set) var all: [Source] = []

  public init() {}

  public subscript(id: Identifier) -> Source? { all.first { $0.id == id } }

  /// Whether the person has another device than this one.
  public func hasOtherDevices(than deviceID: Identifier?) -> Bool { all.contains { $0.isDevice && $0.id != deviceID } }

  /// The knowledge of a device that has received everything.
  public func seen(by deviceID: Identifier?) -> SeenStatements {
    if all.count == 1, all[0].id == deviceID { return .nothing }
    return SeenStatements(
      all.filter { $0.id != deviceID && !($0.isDevice && $0.lastSeq == 0) }.map {
        StatementID(source: $0.id, seq: $0.lastSeq)
      })
  }

  /// The part of an author's knowledge that has not been decided here.
  func missing(of seen: SeenStatements) -> SeenStatements {
    guard !seen.last.isEmpty else { return .nothing }
    let missing = seen.last.filter { id in self[id.source].map { $0.lastSeq < id.seq } ?? true }
    return missing.isEmpty ? .nothing : SeenStatements(Array(missing.prefix(Self.missingMax)))
  }

  /// Most known statements of one author that have not arrived.
  static let missingMax = 16

  /// The number of the next direct call: it grows across a restore as well, because the clock does.
  func nextDirectCall(now: Instant) -> Int64 {
    max((self[StatementID.directCalls]?.lastSeq ?? 0) + 1, now.milliseconds)
  }

  /// Adds a device that is caught up now; without effect if it exists.
  mutating func register(_ deviceID: Identifier, now: Instant) {
    guard self[deviceID] == nil else { return }
    add(Source(id: deviceID, lastSeq: 0, backfill: BackfillAllowance(caughtUpAt: now)))
  }

  mutating func advance(_ id: Identifier, to seq: Int64) {
    if let place = all.firstIndex(where: { $0.id == id }) {
      all[place].lastSeq = seq
    } else {
      add(Source(id: id, lastSeq: seq, backfill: BackfillAllowance(caughtUpAt: .epoch)))
    }
  }

  /// - Returns: Whether anything has changed.
  mutating func finishBackfill(of deviceID: Identifier, now: Instant) -> Bool {
    guard let place = all.firstIndex(where: { $0.id == deviceID }) else { return false }
    let backfill = all[place].backfill
    let age = now.milliseconds(since: backfill.caughtUpAt)
    guard age > 0, age >= Source.renewalMilliseconds || backfill.hasClaims else { return false }
    all[place].backfill.finish(now: now)
    return true
  }

  /// The status of a day that a device claims; without a device it is judged as entered now.
  mutating func claim(_ day: Day, of deviceID: Identifier, clientTime: ClientTime, now: Instant) -> CellTrust {
    guard let place = all.firstIndex(where: { $0.id == deviceID }) else {
      var backfill = BackfillAllowance(caughtUpAt: now)
      return backfill.claim(day, clientTime: clientTime, now: now)
    }
    return all[place].backfill.claim(day, clientTime: clientTime, now: now)
  }

  private mutating func add(_ source: Source) {
    all.append(source)
    if all.count > Self.countMax { all.removeFirst() }
  }

  // MARK: Storage

  /// Bytes of one source.
  public static let encodedSourceBytes = 44
  /// The place of the last number in them, from 0.
  public static let encodedLastSeqOffset = 16

  /// Devices that are registered and caught up at a moment, encoded: for a statement that appends
  /// them in SQL.
  public static func encoded(registering deviceIDs: [Identifier], at now: Instant) -> [UInt8] {
    var sources = Sources()
    for deviceID in deviceIDs { sources.register(deviceID, now: now) }
    return sources.encoded
  }

  /// For storage: id, last number, caught-up time in milliseconds, first claimed day, claimed days;
  /// big-endian.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(all.count * Self.encodedSourceBytes)
    for source in all {
      let claims = source.backfill.encodedClaims
      bytes.append(bigEndian: source.id.high)
      bytes.append(bigEndian: source.id.low)
      bytes.append(bigEndian: source.lastSeq)
      bytes.append(bigEndian: source.backfill.caughtUpAt.milliseconds)
      bytes.append(bigEndian: claims.firstDay)
      bytes.append(bigEndian: claims.days)
    }
    return bytes
  }

  /// Reads `encoded` back; an incomplete source at the end is left out.
  public init(encoded: [UInt8]) {
    encoded.withUnsafeBytes { bytes in
      for start in stride(from: 0, to: bytes.count - bytes.count % Self.encodedSourceBytes, by: Self.encodedSourceBytes)
      {
        func number(_ place: Int) -> UInt64 {
          UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + place, as: UInt64.self))
        }
        let firstDay = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 32, as: Int32.self))
        all.append(
          Source(
            id: Identifier(high: number(0), low: number(8)), lastSeq: Int64(bitPattern: number(16)),
            backfill: BackfillAllowance(
              caughtUpAt: Instant(milliseconds: Int64(bitPattern: number(24))), firstDay: firstDay,
              days: Int64(bitPattern: number(36)))))
      }
    }
  }
}

/// Settings of an account that devices state.
public struct AccountSettings: Equatable, Sendable {
  /// The start of the person's day in minutes after midnight, as decimal digits.
  var dayStart = Register<String>()
  /// The change number of the last change; 0: none.
  public internal(set) var version: Int64 = 0

  public init() {}

  /// The start of the person's day in minutes after midnight, 0 to 1439; 0 if none was stated.
  public var dayStartMinutes: Int32 { dayStart.winner.flatMap { Int32($0.value) } ?? 0 }

  /// Their part of the digest of the person's visible state.
  var digest: StateDigest { Self.itemDigest(dayStartMinutes: dayStartMinutes) }

  /// The digest of the settings; empty while they are the default ones.
  public static func itemDigest(dayStartMinutes: Int32) -> StateDigest {
    guard dayStartMinutes != 0 else { return .empty }
    var bytes = CanonicalBytes(tag: 3)
    bytes.append(dayStartMinutes)
    return StateDigest(ofItem: bytes.bytes)
  }

  /// For storage; empty while nothing was stated.
  public var encoded: [UInt8] {
    guard version > 0 else { return [] }
    var writer = StatementWriter()
    writer.append(HybridTime(packed: UInt64(bitPattern: version)))
    writer.append(dayStart)
    return writer.bytes
  }

  /// Reads `encoded` back; other bytes give the default settings.
  public init(encoded: [UInt8]) {
    self.init()
    guard !encoded.isEmpty else { return }
    do throws(StatementReader.Malformed) {
      var reader = try StatementReader(encoded)
      version = Int64(bitPattern: try reader.time().packed)
      dayStart = try reader.register()
    } catch {
      self = AccountSettings()
    }
  }
}

/// The zones that a person used recently; they determine "today".
public struct RecentTimeZones: Equatable, Sendable {
  /// How long a use of a zone counts, in milliseconds.
  public static let windowMilliseconds: Int64 = 48 * 3_600_000
  /// Most zones that are kept; the least recent are dropped.
  public static let countMax = 16

  /// A zone, with the last time that the person was in it.
  public struct Use: Equatable, Sendable {
    public var utcOffsetSeconds: Int32
    public var dayStartMinutes: Int32
    public var lastUsedAt: Instant

    public init(utcOffsetSeconds: Int32, dayStartMinutes: Int32, lastUsedAt: Instant) {
      self.utcOffsetSeconds = utcOffsetSeconds
      self.dayStartMinutes = dayStartMinutes
      self.lastUsedAt = lastUsedAt
    }

    /// Whether the numbers are those of a zone.
    var isValid: Bool {
      ClientTime.utcOffsetSecondsRange.contains(utcOffsetSeconds)
        && ClientTime.dayStartMinutesRange.contains(dayStartMinutes)
    }

    func isSameZone(as other: Use) -> Bool {
      utcOffsetSeconds == other.utcOffsetSeconds && dayStartMinutes == other.dayStartMinutes
    }

    /// Whether the zone was used in the window that ends now.
    func isRecent(now: Instant) -> Bool { now.milliseconds(since: lastUsedAt) <= RecentTimeZones.windowMilliseconds }
  }
  /// Most recent first; no two with the same offset and day start.
  public private(set) var uses: [Use] = []

  public init() {}

  /// Takes uses as a server tells them, most recent first, without those that are not valid.
  public init(uses: some Sequence<Use>) {
    self.uses = Array(uses.lazy.filter(\.isValid).prefix(Self.countMax))
  }

  /// Records that a person was in the zone of `time` at that time. A late arrival shows where the
  /// person was then, not now. A device's clock that is ahead of `now` (the server's) counts as
  /// `now`.
  public mutating func note(_ time: ClientTime, now: Instant) {
    var use = Use(
      utcOffsetSeconds: time.utcOffsetSeconds, dayStartMinutes: time.dayStartMinutes,
      lastUsedAt: min(time.occurredAt, now))
    if let known = uses.firstIndex(where: { $0.isSameZone(as: use) }) {
      use.lastUsedAt = max(use.lastUsedAt, uses.remove(at: known).lastUsedAt)
    }
    uses.insert(use, at: uses.firstIndex { $0.lastUsedAt <= use.lastUsedAt } ?? uses.endIndex)
    // The latest use stays at any age: it is the person's last known zone.
    let latest = uses[0]
    uses.removeAll { $0 != latest && !$0.isRecent(now: now) }
    if uses.count > Self.countMax { uses.removeLast(uses.count - Self.countMax) }
  }

  /// The earliest current date among the zones used in the last 48 hours; without any, that of the
  /// zone used last; without any zone at all, UTC's.
  public func today(now: Instant) -> Day {
    let recent = uses.filter { $0.isRecent(now: now) }
    let relevant = recent.isEmpty ? Array(uses.prefix(1)) : recent
    let dates = relevant.map { use in
      ClientTime.day(
        at: now, utcOffsetSeconds: use.utcOffsetSeconds, dayStartMinutes: use.dayStartMinutes)
    }
    return dates.min() ?? ClientTime.day(at: now, utcOffsetSeconds: 0, dayStartMinutes: 0)
  }

  // MARK: Storage

  private static let encodedUseBytes = 16

  /// For storage: 16 bytes a zone (offset, day start, last use; big-endian), most recent first.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(uses.count * Self.encodedUseBytes)
    for use in uses {
      bytes.append(bigEndian: use.utcOffsetSeconds)
      bytes.append(bigEndian: use.dayStartMinutes)
      bytes.append(bigEndian: use.lastUsedAt.milliseconds)
    }
    return bytes
  }

  /// Reads `encoded` back; bytes of another length or form give no zones rather than an error:
  /// "today" is then UTC's.
  public init(encoded: [UInt8]) {
    let bytes = encoded.count % Self.encodedUseBytes == 0 ? encoded.count : 0
    self.init(
      uses: stride(from: 0, to: bytes, by: Self.encodedUseBytes).lazy.map { start in
        func number(_ range: Range<Int>) -> UInt64 { encoded[range].reduce(0) { $0 << 8 | UInt64($1) } }
        return Use(
          utcOffsetSeconds: Int32(truncatingIfNeeded: Int64(number(start..<start + 4))),
          dayStartMinutes: Int32(truncatingIfNeeded: Int64(number(start + 4..<start + 8))),
          lastUsedAt: Instant(milliseconds: Int64(bitPattern: number(start + 8..<start + 16))))
      })
  }
}

/// The zones a person used lately. "Today" is the earliest current date among those of the last 48 hours: travel must not break a streak.
struct ZoneUses: Sendable, Equatable {
  /// How long a zone stays in use, in seconds.
  static let lifetimeSeconds: Int64 = 48 * 3600
  /// Most zones remembered; the ones used longest ago are forgotten first.
  static let countMax = 16

  private struct Use: Equatable {
    /// Seconds east of UTC, less the start of the person's day.
    var shiftSeconds: Int32
    /// Seconds since 1970-01-01T00:00:00Z.
    var usedAtSeconds: Int64
  }

  /// Latest use first, each shift once.
  private var uses: [Use] = []
  private static let useByteCount = 12

  init() {}

  /// Reads what `bytes` wrote; what is not that counts as no zones.
  init(bytes: [UInt8]) {
    guard bytes.count % Self.useByteCount == 0, bytes.count <= Self.countMax * Self.useByteCount else { return }
    for start in stride(from: 0, to: bytes.count, by: Self.useByteCount) {
      let shift = bytes[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      let usedAt = bytes[start + 4..<start + 12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      uses.append(Use(shiftSeconds: Int32(bitPattern: shift), usedAtSeconds: Int64(bitPattern: usedAt)))
    }
  }

  /// For storage.
  var bytes: [UInt8] {
    uses.flatMap { use in
      let shift = UInt32(bitPattern: use.shiftSeconds)
      let usedAt = UInt64(bitPattern: use.usedAtSeconds)
      return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: shift >> UInt32($0)) }
        + [56, 48, 40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: usedAt >> UInt64($0)) }
    }
  }

  /// Notes that a zone was used at a moment, which counts as now if it lies ahead.
  mutating func note(
    utcOffsetSeconds: Int32, dayStartMinutes: Int32, usedAtSeconds: Int64, nowSeconds: Int64
  ) {
    var use = Use(
      shiftSeconds: utcOffsetSeconds - dayStartMinutes * 60, usedAtSeconds: min(usedAtSeconds, nowSeconds))
    if let known = uses.firstIndex(where: { $0.shiftSeconds == use.shiftSeconds }) {
      use.usedAtSeconds = max(use.usedAtSeconds, uses.remove(at: known).usedAtSeconds)
    }
    let place = uses.firstIndex { $0.usedAtSeconds < use.usedAtSeconds } ?? uses.endIndex
    uses.insert(use, at: place)
    let latest = uses[0]
    uses.removeAll { $0 != latest && $0.usedAtSeconds < nowSeconds - Self.lifetimeSeconds }
    if uses.count > Self.countMax { uses.removeLast() }
  }

  /// The person's today. Without a zone in the last 48 hours it is the last one's date; without any, UTC's.
  func today(atSeconds now: Int64) -> Int32 {
    let live = uses.filter { $0.usedAtSeconds >= now - Self.lifetimeSeconds }
    let shift = live.map(\.shiftSeconds).min() ?? uses.first?.shiftSeconds ?? 0
    return DayRules.day(atSeconds: now, utcOffsetSeconds: shift, dayStartMinutes: 0)
  }
}

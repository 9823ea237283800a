/// When a device last had nothing left to send, and which days it has newly claimed since.
///
/// What keeps a device honest that says it was offline: since it was caught up at time c it may
/// claim the days from date(c) - 1 on, at most floor((now - c + 14 h) / 24 h) + 2 distinct ones,
/// whichever device stated them before. Source: Specification.md, "What keeps history honest".
public struct BackfillAllowance: Equatable, Sendable {
  /// Days granted on top of those that passed.
  public static let spareDays = 2
  /// So far east may a person have moved since, in milliseconds; clocks that go forward are within
  /// it.
  public static let travelMilliseconds: Int64 = 14 * 3_600_000

  /// c.
  public private(set) var caughtUpAt: Instant
  /// The distinct days claimed since, as bits from `firstDay` on.
  private var firstDay: Day
  private var claimed: UInt64

  /// A device that is caught up at this moment. A new device is, at its registration.
  public init(caughtUpAt: Instant) {
    self.caughtUpAt = caughtUpAt
    firstDay = Day(0)
    claimed = 0
  }

  /// What a claimed day is worth; remembers the claim if it takes part of the allowance.
  /// - Parameters:
  ///   - made: In whose zone dates are meant.
  ///   - now: The server's clock.
  public mutating func claim(_ day: Day, made: ClientTime, now: Instant) -> CellTrust {
    let today = DayRules.judgedDay(made, at: now)
    let caughtUpDay = min(DayRules.judgedDay(made, at: caughtUpAt), today)
    let trust = DayRules.trust(day: day, today: today, caughtUpDay: caughtUpDay)
    guard trust == .counted, day >= caughtUpDay.advanced(by: -1) else { return trust }
    guard mark(day, allowance: allowance(now: now)) else { return .quarantined(.zoneHop) }
    return .counted
  }

  /// The device has nothing left to send.
  public mutating func finish(now: Instant) {
    guard now > caughtUpAt else { return }
    self = BackfillAllowance(caughtUpAt: now)
  }

  /// Whether anything was claimed since.
  public var hasClaims: Bool { claimed != 0 }

  private func allowance(now: Instant) -> Int {
    let passed = max(0, now.milliseconds(since: caughtUpAt))
    return Int(clamping: (passed + Self.travelMilliseconds) / ClientTime.millisecondsPerDay) + Self.spareDays
  }

  /// Notes a day as claimed; one that was claimed before costs nothing.
  /// - Returns: False if the allowance is used up.
  private mutating func mark(_ day: Day, allowance: Int) -> Bool {
    if claimed == 0 { firstDay = day.advanced(by: -Self.reach) }
    let place = firstDay.distance(to: day)
    // Claimable days lie between 30 days ago and tomorrow: others than these are far from what was
    // claimed before, so those are old.
    guard (0..<UInt64.bitWidth).contains(place) else {
      guard place > 0 else { return true }
      shift(by: place - UInt64.bitWidth + 1)
      return mark(day, allowance: allowance)
    }
    let bit: UInt64 = 1 << UInt64(place)
    if claimed & bit != 0 { return true }
    guard claimed.nonzeroBitCount < allowance else { return false }
    claimed |= bit
    return true
  }

  private static let reach = 32

  private mutating func shift(by count: Int) {
    claimed = count < UInt64.bitWidth ? claimed >> UInt64(count) : 0
    firstDay = firstDay.advanced(by: count)
  }

  // MARK: Storage

  /// For storage, beside `caughtUpAt`: the first day of the bits, and the bits.
  public var encodedClaims: (firstDay: Int32, days: Int64) { (firstDay.number, Int64(bitPattern: claimed)) }

  public init(caughtUpAt: Instant, firstDay: Int32, days: Int64) {
    self.caughtUpAt = caughtUpAt
    self.firstDay = Day(firstDay)
    claimed = UInt64(bitPattern: days)
  }
}

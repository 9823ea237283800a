/// When a device's queue was last empty, and the days it has newly claimed since.
///
/// It limits the claims of a device that says it was offline. A device that was caught up at time c
/// may claim the days from date(c) - 1 on, at most floor((now - c + 14 h) / 24 h) + 2 distinct
/// ones; days that another device stated before count as well. Source: Specification.md, "What
/// keeps history honest".
public struct BackfillAllowance: Equatable, Sendable {
  /// Days granted on top of those that passed.
  public static let spareDays = 2
  /// Most milliseconds by which the person may have moved east since; clock changes are within it.
  public static let travelMilliseconds: Int64 = 14 * 3_600_000

  /// The moment c, when the queue was last empty.
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

  /// The status of a claimed day; records the claim if it uses the allowance.
  ///
  /// - Parameters:
  ///   - clientTime: Gives the zone of the dates.
  ///   - now: The server's clock.
  public mutating func claim(_ day: Day, clientTime: ClientTime, now: Instant) -> CellTrust {
    let today = DayRules.judgedDay(clientTime, at: now)
    let caughtUpDay = min(DayRules.judgedDay(clientTime, at: caughtUpAt), today)
    let trust = DayRules.trust(day: day, today: today, caughtUpDay: caughtUpDay)
    guard trust == .counted, day >= caughtUpDay.advanced(by: -1) else { return trust }
    guard mark(day, allowance: allowance(now: now)) else { return .quarantined(.zoneHop) }
    return .counted
  }

  /// The device's queue is empty.
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

  /// Records a day as claimed; one that was claimed before costs nothing.
  /// - Returns: False if the allowance is used up.
  private mutating func mark(_ day: Day, allowance: Int) -> Bool {
    if claimed == 0 { firstDay = day.advanced(by: -Self.reach) }
    let place = firstDay.distance(to: day)
    // Claimable days lie between 30 days ago and tomorrow. Days outside the bits are far from
    // earlier claims, so these claims are old.
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

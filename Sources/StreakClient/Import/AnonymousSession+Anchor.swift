internal import StreakDomain

extension AnonymousSession {
  /// The first day that counts if the session becomes an account now: the service's rules for
  /// sessions, on this device's clock.
  func firstDayThatCounts(today: Day, now: Instant) -> Day {
    let window = today.advanced(by: 1 - MigrationPlan.windowDays)
    guard isAnchored else { return window }
    // The server recorded the session's begin when the session was introduced. Later contacts have
    // overwritten that time here.
    let isFirstContact = keptAt.milliseconds(since: begunAt) <= Self.introductionMilliseconds
    let passed = max(0, now.milliseconds(since: isFirstContact ? keptAt : begunAt)) / 86_400_000
    return max(window, today.advanced(by: 1 - MigrationPlan.anchorSpareDays - Int(clamping: passed)))
  }

  /// Whether introducing the session now would make days not count: those that were entered
  /// afterwards, for example by an import.
  func losesDays(introducedOn today: Day) -> Bool {
    let first = today.advanced(by: 1 - MigrationPlan.anchorSpareDays)
    return entries.contains { $0.key.day < first && $0.value.done }
  }
}

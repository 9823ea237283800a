internal import StreakDomain

extension AnonymousSession {
  /// The first day that counts when the session becomes an account now: the service's rules for
  /// sessions, on this device's clock.
  func firstDayThatCounts(today: Day, now: Instant) -> Day {
    let window = today.advanced(by: 1 - MigrationPlan.windowDays)
    guard isAnchored else { return window }
    // The server saw the session begin when it was introduced; later contacts have replaced that
    // moment here.
    let isFirstContact = keptAt.milliseconds(since: begunAt) <= Self.introductionMilliseconds
    let passed = max(0, now.milliseconds(since: isFirstContact ? keptAt : begunAt)) / 86_400_000
    return max(window, today.advanced(by: 1 - MigrationPlan.anchorSpareDays - Int(clamping: passed)))
  }

  /// Whether days would count no more if the server learnt of the session only now: those that were
  /// entered afterwards, as an import does.
  func losesDays(introducedOn today: Day) -> Bool {
    let first = today.advanced(by: 1 - MigrationPlan.anchorSpareDays)
    return entries.contains { $0.key.day < first && $0.value.done }
  }
}

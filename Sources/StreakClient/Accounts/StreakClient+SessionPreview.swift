public import StreakDomain

/// The effect of a sign-up on the days that were recorded without an account.
public struct SessionPreview: Equatable, Sendable {
  /// Days that will count.
  public var daysCounted = 0
  /// Days that are stored and shown but will not count.
  public var daysQuarantined = 0
  /// The first day that counts, if an account is made today.
  public var firstDayThatCounts: Day

  public init(daysCounted: Int = 0, daysQuarantined: Int = 0, firstDayThatCounts: Day) {
    self.daysCounted = daysCounted
    self.daysQuarantined = daysQuarantined
    self.firstDayThatCounts = firstDayThatCounts
  }
}

extension StreakClient {
  /// The effect of a sign-up now on the data recorded here without an account; nil if there is
  /// none. Works without a server.
  public func previewSignUp() throws(ClientError) -> SessionPreview? {
    let now = clock.now
    return try store.read { state throws(ClientError) in
      guard let session = state.session, !session.habits.isEmpty else { return nil }
      let today = clientTime(on: nil, now: now, dayStartMinutes: state.dayStartMinutes).day
      let first = session.firstDayThatCounts(today: today, now: now)
      var preview = SessionPreview(firstDayThatCounts: first)
      for (key, entry) in session.entries where entry.done {
        if key.day >= first { preview.daysCounted += 1 } else { preview.daysQuarantined += 1 }
      }
      return preview
    }
  }
}

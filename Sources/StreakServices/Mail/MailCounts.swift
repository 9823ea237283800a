/// What became of mails in this process, and how many wait in the database.
package struct MailCounts: Sendable, Equatable {
  /// Taken by the mail server.
  package var sent = 0
  /// Refused by the mail server for good.
  package var refused = 0
  /// Not sent before they were out of date, or not readable.
  package var givenUp = 0
  /// Attempts that failed and are repeated.
  package var failedAttempts = 0
  /// Of all processes, at most `StreakStore.waitingMailsCountedMax`.
  package var waiting = 0

  package init() {}
}

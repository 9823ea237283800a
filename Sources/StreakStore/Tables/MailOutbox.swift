internal import Postgres
internal import StreakDomain

/// The columns of `mail_outbox`.
enum OutboxColumn: Int, TableColumn {
  case userID, mailID, kind, recipient, language, sealed, enqueuedAt, expiresAt, dueAt, attempts, sentAt

  /// The columns of a mail whose turn it is.
  static let due: [OutboxColumn] = [.userID, .mailID, .kind, .recipient, .language, .sealed, .attempts]
}

extension Row {
  /// Decodes `OutboxColumn.due`, and behind them whether the mail has expired.
  func dueMail(_ at: Selection<OutboxColumn>) throws(DatabaseError) -> DueMail {
    DueMail(
      userID: try identifier(at[.userID]), mailID: try identifier(at[.mailID]), kind: try int32(at[.kind]),
      recipient: try string(at[.recipient]), language: try string(at[.language]), sealed: try bytes(at[.sealed]),
      attempts: try int32(at[.attempts]), isExpired: try bool(at.end))
  }
}

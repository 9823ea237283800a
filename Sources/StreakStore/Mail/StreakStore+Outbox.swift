internal import Postgres
internal import struct StreakDomain.Identifier

/// The outbox: mails are stored with what causes them, and taken by a worker of any server process.
extension StreakStore {
  /// Mails about an account that are stored each day without a request of the person: further ones
  /// are left out, and the audit trail still has what they were about.
  package static let noticesPerDayMax: Int32 = 50
  /// How long a mail that is done is kept, in days. It counts for the limit above.
  package static let mailKeptDays: Int64 = 7
  /// Most waiting mails that are counted.
  package static let waitingMailsCountedMax: Int32 = 10_000

  private static let enqueued: Insertion<OutboxColumn> = [
    .userID: "$1", .mailID: "$2", .kind: "$3", .recipient: "$4::text",
    .language: "coalesce((SELECT nullif(language, '') FROM users WHERE user_id = $1), $5)", .sealed: "$6",
    .enqueuedAt: "now()", .expiresAt: "now() + make_interval(secs => $7::integer)",
    .dueAt: "CASE WHEN $4 <> '' THEN now() END",
  ]
  private static let enqueue = Statement(
    .write,
    """
    INSERT INTO mail_outbox (\(enqueued.columns)) SELECT \(enqueued.values)
    WHERE $1 = '00000000-0000-0000-0000-000000000000' OR EXISTS (SELECT FROM heads WHERE user_id = $1)
    """)

  /// A mail to a given address.
  ///
  /// - Parameters:
  ///   - userID: The account that it is about; `.zero`: none.
  ///   - recipient: Empty: nothing is sent.
  ///   - language: If the account has none.
  static func enqueueing(
    _ mail: NewMail, about userID: Identifier, to recipient: String, language: String = ""
  ) -> BoundStatement {
    BoundStatement(
      enqueue, .identifier(userID), .identifier(mail.mailID), .int32(mail.kind.rawValue), .string(recipient),
      .string(language), .bytes(mail.sealed), .int32(mail.lifetimeSeconds))
  }

  private static let enqueuedNotice: Insertion<OutboxColumn> = [
    .userID: "user_id", .mailID: "$2", .kind: "$3", .recipient: "email", .language: "language", .sealed: "$4",
    .enqueuedAt: "now()", .expiresAt: "now() + make_interval(secs => $5::integer)", .dueAt: "now()",
  ]
  private static let enqueueNotice = Statement(
    .write,
    """
    INSERT INTO mail_outbox (\(enqueuedNotice.columns)) SELECT \(enqueuedNotice.values) FROM users
    WHERE user_id = $1 AND email_verified_at IS NOT NULL AND email <> '' AND $6 > (
      SELECT count(*) FROM mail_outbox o WHERE o.user_id = $1 AND o.enqueued_at > now() - interval '1 day')
    """)

  /// A notice to the account's verified address; nothing if there is none. Add it to the
  /// transaction of the event that it is about.
  static func enqueueingNotice(_ mail: NewMail, to userID: Identifier) -> BoundStatement {
    BoundStatement(
      enqueueNotice, .identifier(userID), .identifier(mail.mailID), .int32(mail.kind.rawValue), .bytes(mail.sealed),
      .int32(mail.lifetimeSeconds), .int32(noticesPerDayMax))
  }

  // MARK: Taking

  private static let dueColumns = Selection(OutboxColumn.due)
  private static let take = Statement(
    .write,
    """
    WITH due AS (
      SELECT user_id, mail_id FROM mail_outbox WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT $1
      FOR UPDATE SKIP LOCKED
    )
    UPDATE mail_outbox o SET due_at = clock_timestamp() + make_interval(secs => $2::integer), attempts = o.attempts + 1
    FROM due WHERE o.user_id = due.user_id AND o.mail_id = due.mail_id
    RETURNING \(dueColumns.list(of: "o")), o.expires_at < clock_timestamp()
    """)

  /// Takes mails whose turn it is, so that no other worker has them for a while.
  ///
  /// - Parameter leaseSeconds: Without an outcome by then, as after the end of the process, they
  ///   are due again.
  package func takeMails(countMax: Int32, leaseSeconds: Int32) async throws(StoreError) -> [DueMail] {
    try await database.rows(Self.take, .int32(countMax), .int32(leaseSeconds)) { row throws(DatabaseError) in
      try row.dueMail(Self.dueColumns)
    }
  }

  private static let finish = Statement(
    .write,
    """
    UPDATE mail_outbox SET due_at = NULL, sealed = '', recipient = '', sent_at = CASE WHEN $3 THEN clock_timestamp() END
    WHERE user_id = $1 AND mail_id = $2 AND due_at IS NOT NULL
    """)

  /// Notes that a mail was sent, or that it never will be. Its content is removed.
  package func finishMail(_ mail: DueMail, isSent: Bool) async throws(StoreError) {
    try await database.execute(Self.finish, .identifier(mail.userID), .identifier(mail.mailID), .bool(isSent))
  }

  private static let postpone = Statement(
    .write,
    """
    UPDATE mail_outbox SET due_at = clock_timestamp() + make_interval(secs => $3::integer)
    WHERE user_id = $1 AND mail_id = $2 AND due_at IS NOT NULL
    """)

  /// Plans the next attempt.
  package func postponeMail(_ mail: DueMail, seconds: Int32) async throws(StoreError) {
    try await database.execute(Self.postpone, .identifier(mail.userID), .identifier(mail.mailID), .int32(seconds))
  }

  private static let waiting = Statement(
    .read, "SELECT count(*) FROM (SELECT FROM mail_outbox WHERE due_at IS NOT NULL LIMIT $1) waiting")

  /// How many mails are not done.
  package func waitingMailCount() async throws(StoreError) -> Int {
    let count = try await database.row(Self.waiting, .int32(Self.waitingMailsCountedMax)) {
      row throws(DatabaseError) in try row.int64(0)
    }
    return Int(clamping: count ?? 0)
  }
}

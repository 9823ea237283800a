internal import Postgres
package import StreakDomain

/// Deletions that a person announced: they take effect at a date, unless the person takes them
/// back.
extension StreakStore {
  private static let announce = Statement(
    .write,
    """
    WITH announced AS (
      UPDATE users SET deletion_at = coalesce(deletion_at, $2) WHERE user_id = $1 RETURNING deletion_at
    )
    SELECT deletion_at, pg_notify($3, $4) FROM announced
    """)

  /// Sets the date of an account's deletion, unless it has one, and notifies every server.
  ///
  /// - Parameter notice: A mail about a new announcement, stored with it.
  /// - Returns: The date; nil if there is no such account.
  /// - Throws: `.concurrentChange` if the proof does not hold any more.
  package func announceDeletion(
    by person: ProvenPerson, at date: Instant, notice: NewMail? = nil
  ) async throws(StoreError) -> Instant? {
    let userID = person.userID
    return try await lockingPerson(userID) { transaction throws(StoreError) in
      try await Self.require(person, by: transaction)
      let announced = try await transaction.row(
        Self.announce, .identifier(userID), .instant(date), .string(Self.revocationChannel),
        .string(userID.description)
      ) { row throws(DatabaseError) in try row.instant(0) }
      if let notice, announced == date {
        try await transaction.execute(Self.enqueueingNotice(notice, to: userID))
      }
      return announced
    }
  }

  private static let cancel = Statement(
    .write,
    """
    WITH before AS (
      SELECT user_id, deletion_at FROM users WHERE user_id = $1 FOR NO KEY UPDATE
    ), cancelled AS (
      UPDATE users SET deletion_at = NULL FROM before WHERE users.user_id = before.user_id RETURNING 1
    )
    SELECT deletion_at IS NOT NULL, pg_notify($2, $3) FROM before, cancelled
    """)

  /// Takes an announced deletion back, and notifies every server.
  ///
  /// - Returns: Whether there was one; nil if there is no such account.
  package func cancelDeletion(of userID: Identifier) async throws(StoreError) -> Bool? {
    try await database.row(
      Self.cancel, .identifier(userID), .string(Self.revocationChannel), .string(userID.description)
    ) { row throws(DatabaseError) in try row.bool(0) }
  }

  private static let due = Statement(
    .read,
    "SELECT user_id FROM users WHERE deletion_at <= $1 AND user_id <> ALL ($2) ORDER BY deletion_at LIMIT $3")

  /// Accounts whose announced deletion is due, the earliest first.
  ///
  /// - Parameter others: Left out.
  package func dueDeletions(
    at now: Instant, besides others: [Identifier], countMax: Int32
  ) async throws(StoreError) -> [Identifier] {
    try await database.rows(Self.due, .instant(now), .identifiers(others), .int32(countMax)) {
      row throws(DatabaseError) in try row.identifier(0)
    }
  }

  private static let noteProof = Statement(
    .write, "UPDATE devices SET proven_at = $3 WHERE user_id = $1 AND device_id = $2 AND refresh_hash IS NOT NULL")

  /// Notes that the person has proven the identity on a device.
  package func noteProof(of userID: Identifier, on deviceID: Identifier, at now: Instant) async throws(StoreError) {
    try await database.execute(Self.noteProof, .identifier(userID), .identifier(deviceID), .instant(now))
  }

  private static let provenAt = Statement(
    .read, "SELECT proven_at FROM devices WHERE user_id = $1 AND device_id = $2")

  /// When the person last proved the identity on a device: by a password, at a sign-in too, or by a
  /// recovery code. Nil: never.
  package func provenAt(of userID: Identifier, on deviceID: Identifier) async throws(StoreError) -> Instant? {
    try await database.row(Self.provenAt, .identifier(userID), .identifier(deviceID)) { row throws(DatabaseError) in
      try row.instantOrNull(0)
    } ?? nil
  }
}

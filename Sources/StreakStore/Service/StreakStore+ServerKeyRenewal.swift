package import Cryptography
internal import Postgres
internal import struct StreakDomain.Identifier

/// What a renewal of the server key did.
package struct ServerKeyRenewal: Sendable, Equatable {
  /// Passwords that are sealed under the new key.
  package var passwordCount = 0
  /// Passwords that the former key did not open either: they stay as they were.
  package var lostPasswordCount = 0
}

extension StreakStore {
  /// Passwords that are sealed anew by one statement.
  static let passwordsPerRenewalStep: Int32 = 1_000

  private static let otherServers = Statement(
    .write,
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = '\(applicationName)' AND pid <> pg_backend_pid()
    """)
  private static let lockServerKey = Statement(.write, "SELECT sealed FROM server_key FOR UPDATE")
  private static let replaceServerKey = Statement(.write, "UPDATE server_key SET sealed = $1, sealed_at = now()")
  private static let passwordsAfter = Statement(
    .write, "SELECT user_id, sealed_password FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2 FOR UPDATE")
  private static let storePasswords = Statement(
    .write,
    """
    UPDATE users SET sealed_password = made.sealed FROM unnest($1::uuid[], $2::bytea[]) made (user_id, sealed)
    WHERE users.user_id = made.user_id
    """)
  // What the former key has hashed or sealed, and cannot be made again.
  private static let removeCodes = Statement(.write, "DELETE FROM recovery_codes")
  private static let removeTokens = Statement(.write, "DELETE FROM mail_tokens")
  private static let removeLimits = Statement(.write, "DELETE FROM rate_limits")

  /// Replaces the server key itself, and seals every password under the new one, in one
  /// transaction: for a database whose former key may be known to others. No server of the database
  /// may run.
  ///
  /// - Returns: Nil if a server of the database is running; nothing was changed.
  package func renewServerKey(_ keys: KeyEncryptionKeys) async throws(ServerKeyError) -> ServerKeyRenewal? {
    let renewal: ServerKeyRenewal??
    do throws(StoreError) {
      renewal = try await transaction(.readCommitted) { transaction throws(StoreError) in
        let others = try await transaction.row(Self.otherServers) { row throws(DatabaseError) in try row.int64(0) }
        guard others == 0 else { return .rollBack(.some(nil)) }
        let sealed = try await transaction.row(Self.lockServerKey) { row throws(DatabaseError) in try row.bytes(0) }
        guard let sealed else { throw StoreError.fault(reason: "the database has no server key") }
        guard let former = keys.decrypt(sealed)?.key else { return .rollBack(nil) }
        let fresh = ServerKey()
        let renewal = try await Self.sealPasswords(from: former, to: fresh, by: transaction)
        var batch = Batch()
        batch.append(Self.replaceServerKey, .bytes(keys.encrypt(fresh)))
        batch.append(Self.removeCodes)
        batch.append(Self.removeTokens)
        batch.append(Self.removeLimits)
        try await transaction.execute(batch)
        return .commit(.some(renewal))
      }
    } catch {
      throw .store(error)
    }
    guard let renewal else { throw .doesNotFit }
    return renewal
  }

  private static func sealPasswords(
    from former: ServerKey, to fresh: ServerKey, by transaction: Transaction
  ) async throws(StoreError) -> ServerKeyRenewal {
    var renewal = ServerKeyRenewal()
    var last = Identifier.zero
    while true {
      let page = try await transaction.rows(
        passwordsAfter, .identifier(last), .int32(passwordsPerRenewalStep)
      ) { row throws(DatabaseError) in (userID: try row.identifier(0), sealed: try row.bytes(1)) }
      guard let end = page.last else { return renewal }
      last = end.userID
      let opened = page.compactMap { entry in
        former.openPassword(entry.sealed, of: entry.userID.bytes).map { (userID: entry.userID, hash: $0) }
      }
      try await transaction.execute(
        storePasswords, .identifiers(opened.map(\.userID)),
        .bytesArray(opened.map { fresh.sealPassword($0.hash, of: $0.userID.bytes) }))
      renewal.passwordCount += opened.count
      renewal.lostPasswordCount += page.count - opened.count
    }
  }
}

internal import Postgres
package import struct StreakDomain.Identifier

/// A person who has proven the identity on a device, with what the account had then. A dangerous
/// call takes effect only as long as it still has that.
package struct ProvenPerson: Sendable {
  package var userID: Identifier
  package var deviceID: Identifier
  /// The stored password at the time of the proof.
  package var sealedPassword: [UInt8]

  package init(userID: Identifier, deviceID: Identifier, sealedPassword: [UInt8]) {
    self.userID = userID
    self.deviceID = deviceID
    self.sealedPassword = sealedPassword
  }
}

extension StreakStore {
  private static let isStillProven = Statement(
    .write,
    """
    SELECT FROM users WHERE user_id = $1 AND sealed_password = $2 AND locked_at IS NULL
      AND EXISTS (SELECT FROM devices d WHERE d.user_id = $1 AND d.device_id = $3 AND d.refresh_hash IS NOT NULL)
    FOR NO KEY UPDATE OF users
    """)

  /// Requires that the password is still the one of the proof, the device signed in, and the
  /// account not locked. The transaction has the person's row lock.
  ///
  /// - Throws: `.concurrentChange`.
  static func require(_ person: ProvenPerson, by transaction: Transaction) async throws(StoreError) {
    let count = try await transaction.execute(
      isStillProven, .identifier(person.userID), .bytes(person.sealedPassword), .identifier(person.deviceID))
    guard count == 1 else { throw .concurrentChange }
  }
}

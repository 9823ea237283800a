internal import Postgres
public import StreakDomain

/// A user's device as the server stores it.
public struct KnownDeviceRecord: Sendable, Equatable {
  public var device: DeviceRecord
  public var registeredAt: Instant
  public var refreshedAt: Instant?
  public var isSignedIn: Bool
}

/// Where a sign-in attempt comes from.
public enum SignInOrigin: Sendable, Equatable {
  /// A device that signed in before and was not revoked.
  case knownDevice
  /// The address of such a device's last sign-in.
  case knownAddress
  case unknown
}

extension StreakStore {
  private static let origin = Statement(
    .read,
    """
    SELECT coalesce(bool_or(device_id = $2), false), coalesce(bool_or(address_hash = $3), false) FROM devices
    WHERE user_id = $1 AND revoked_at IS NULL
    """)

  /// Whether a user signed in on a device, or from an address, before. False for a user that does
  /// not exist.
  public func signInOrigin(
    of userID: Identifier, deviceID: Identifier, addressHash: [UInt8]
  ) async throws(StoreError) -> SignInOrigin {
    try await database.row(
      Self.origin, .identifier(userID), .identifier(deviceID), .bytes(addressHash)
    ) { row throws(DatabaseError) in
      try row.bool(0) ? .knownDevice : try row.bool(1) ? .knownAddress : .unknown
    } ?? .unknown
  }

  private static let knownColumns = Selection(DeviceColumn.known)
  private static let devices = Statement(
    .read,
    """
    SELECT \(knownColumns.list()) FROM devices
    WHERE user_id = $1 ORDER BY greatest(registered_at, refreshed_at) DESC, device_id
    """)

  /// A user's devices, the most recently used first.
  public func devices(of userID: Identifier) async throws(StoreError) -> [KnownDeviceRecord] {
    try await database.rows(Self.devices, .identifier(userID)) { row throws(DatabaseError) in
      try row.knownDevice(Self.knownColumns)
    }
  }

  private static let revoke = Statement(
    .write,
    """
    WITH before AS (
      SELECT refresh_hash IS NOT NULL AS was_signed_in FROM devices WHERE user_id = $1 AND device_id = $2 FOR UPDATE
    ), revoked AS (
      UPDATE devices SET \(endingCredentials()), address_hash = NULL, revoked_at = coalesce(revoked_at, $3)
      WHERE user_id = $1 AND device_id = $2 RETURNING 1
    ), refused AS (
      \(endingApprovals)
    )
    SELECT was_signed_in, pg_notify($4, $5) FROM before, revoked
    """)

  /// Revokes a device's credentials, makes the device unknown, and notifies every server.
  ///
  /// - Returns: Whether it was signed in; nil if the user has no such device.
  public func revokeDevice(
    _ deviceID: Identifier, of userID: Identifier, at now: Instant
  ) async throws(StoreError) -> Bool? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      try await transaction.row(
        Self.revoke, .identifier(userID), .identifier(deviceID), .instant(now), .string(Self.revocationChannel),
        .string(userID.description)
      ) { row throws(DatabaseError) in try row.bool(0) }
    }
  }

  private static let renewPassword = Statement(
    .write, "UPDATE users SET sealed_password = $3 WHERE user_id = $1 AND sealed_password = $2")

  /// Stores a person's password with another hash, if it is still stored as given.
  ///
  /// - Returns: Whether it was.
  package func renewPassword(
    of userID: Identifier, from present: [UInt8], to renewed: [UInt8]
  ) async throws(StoreError) -> Bool {
    try await database.execute(Self.renewPassword, .identifier(userID), .bytes(present), .bytes(renewed)) == 1
  }

  private static let changePassword = Statement(
    .write,
    """
    WITH changed AS (
      UPDATE users SET sealed_password = $3 WHERE user_id = $1 AND sealed_password = $2 AND locked_at IS NULL
        AND EXISTS (SELECT FROM devices d WHERE d.user_id = $1 AND d.device_id = $4 AND d.refresh_hash IS NOT NULL)
      RETURNING user_id
    ), revoked AS (
      UPDATE devices SET \(endingCredentials())
      FROM changed WHERE devices.user_id = changed.user_id AND device_id <> $4 AND refresh_hash IS NOT NULL RETURNING 1
    ), renewed AS (
      UPDATE devices SET refreshed_at = $7, proven_at = $7, \(endingFamily),
        \(DeviceColumn.credentials.assignments(fromParameter: 8))
      FROM changed WHERE devices.user_id = changed.user_id AND device_id = $4 AND refresh_hash IS NOT NULL RETURNING 1
    ), refused AS (
      \(endingApprovals) AND EXISTS (SELECT FROM changed)
    ), ended AS (
      DELETE FROM recovery_codes USING changed WHERE recovery_codes.user_id = changed.user_id AND made_on <> $4
    ), unlinked AS (
      \(endingLinks) AND EXISTS (SELECT FROM changed)
    )
    SELECT (SELECT count(*)::integer FROM revoked), pg_notify($5, $6) FROM changed, renewed
    """)

  /// Replaces a user's password if it is still stored as given, ends every credential, recovery
  /// codes that another device made and links of mails among them, gives one device new ones, and
  /// notifies every server.
  ///
  /// - Parameter notice: A mail about the change, stored with it.
  /// - Returns: How many other devices were signed out; nil if the password had been replaced, the
  ///   account locked, or the device signed out meanwhile.
  package func changePassword(
    of userID: Identifier, from present: [UInt8], to sealedPassword: [UInt8], on deviceID: Identifier,
    _ credential: CredentialRecord, at now: Instant, notice: NewMail? = nil
  ) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      let change: [PostgresValue] = [
        .identifier(userID), .bytes(present), .bytes(sealedPassword), .identifier(deviceID),
        .string(Self.revocationChannel), .string(userID.description), .instant(now),
      ]
      let values = DeviceColumn.credentials.map { $0.value(credential) }
      let count = try await transaction.row(
        BoundStatement(statement: Self.changePassword, parameters: change + values)
      ) { row throws(DatabaseError) in try row.int32(0) }
      if let notice, count != nil { try await transaction.execute(Self.enqueueingNotice(notice, to: userID)) }
      return count
    }
  }
}

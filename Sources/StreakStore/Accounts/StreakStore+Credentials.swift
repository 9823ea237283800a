internal import Postgres
public import StreakDomain

/// A living access token's device.
public struct AccessGrant: Sendable, Equatable {
  public var deviceID: Identifier
  public var expiresAt: Moment
}

/// Names an access token of a person.
struct AccessKey: Sendable {
  var userID: Identifier
  /// SHA-256 of the secret.
  var accessHash: [UInt8]
}

/// What is stored of a device's refresh token, as far as a presented one concerns it.
public struct RefreshGrant: Sendable, Equatable {
  public var deviceID: Identifier
  public var refreshHash: [UInt8]
  public var refreshExpiresAt: Moment
  /// The token that the present one was given for; nil if it was never refreshed.
  public var previousRefreshHash: [UInt8]?
  /// When the last refresh was.
  public var refreshedAt: Moment?
  /// The reply to the last refresh, sealed under the previous refresh token.
  public var sealedRefresh: [UInt8]?
}

extension StreakStore {
  /// The channel on which servers hear that credentials were revoked. The payload is the person's id as 32 hexadecimal digits.
  public static let revocationChannel = "streakd_revocations"

  private static let grantAccess = Statement(
    .write,
    """
    WITH head AS (
      -- The person's head is locked before any device, as everywhere. Nothing is stored for a person who is not there.
      SELECT user_id, sources FROM heads WHERE user_id = $1 FOR NO KEY UPDATE
    ), registered AS (
      -- A device that is new is a source of statements, caught up now (`Sources.encoded`); of too many the earliest goes.
      UPDATE heads SET change_number = heads.change_number + $13::integer,
        sources = substr(heads.sources, CASE WHEN octet_length(heads.sources) >= $14 THEN 45 ELSE 1 END)
          || uuid_send($2) || int8send(0) || int8send((extract(epoch FROM $6::timestamptz) * 1000)::bigint)
          || int4send(0) || int8send(0)
      FROM head WHERE heads.user_id = head.user_id AND position(uuid_send($2) IN head.sources) = 0
    ), displaced AS (
      DELETE FROM devices WHERE user_id = $1 AND device_id IN (
        SELECT device_id FROM devices WHERE user_id = $1 AND device_id <> $2
        ORDER BY greatest(registered_at, refreshed_at) DESC, device_id OFFSET $12 - 1)
    )
    INSERT INTO devices (
      user_id, device_id, name, platform, app_version, registered_at, access_hash, access_expires_at, refresh_hash,
      refresh_expires_at, refresh_family_hash)
    SELECT $1, $2, $3, $4, $5, $6::timestamptz, $7, $8::timestamptz, $9, $10::timestamptz, $11 FROM head
    ON CONFLICT (user_id, device_id) DO UPDATE SET
      name = excluded.name, platform = excluded.platform, app_version = excluded.app_version,
      access_hash = excluded.access_hash, access_expires_at = excluded.access_expires_at,
      refresh_hash = excluded.refresh_hash, refresh_expires_at = excluded.refresh_expires_at,
      refresh_family_hash = excluded.refresh_family_hash, previous_access_hash = NULL,
      previous_access_expires_at = NULL, previous_refresh_hash = NULL, refreshed_at = excluded.registered_at,
      sealed_refresh = NULL
    """)

  /// Makes these the only credentials of a device, which is registered if it is new.
  ///
  /// - Parameter isNewAccount: Nothing can have been decided for this person yet.
  static func grantingAccess(
    to device: DeviceRecord, of userID: Identifier, _ credential: CredentialRecord, at now: Moment, devicesMax: Int32,
    isNewAccount: Bool = false
  ) -> BoundStatement {
    BoundStatement(
      grantAccess,
      .identifier(userID), .identifier(device.deviceID), .string(device.name), .string(device.platform),
      .string(device.appVersion), .moment(now), .bytes(credential.accessHash), .moment(credential.accessExpiresAt),
      .bytes(credential.refreshHash), .moment(credential.refreshExpiresAt), .bytes(credential.refreshFamilyHash),
      .int32(devicesMax), .int32(isNewAccount ? 0 : 1),
      .int32(Int32(StreakDomain.Sources.countMax * StreakDomain.Sources.encodedSourceBytes)))
  }

  /// Signs a device in: it is registered if it is new, and these become its only credentials.
  ///
  /// - Throws: `.noSuchUser` if there is no such account, as when it was erased meanwhile.
  public func signIn(
    _ device: DeviceRecord, of userID: Identifier, _ credential: CredentialRecord, at now: Moment
  ) async throws(StoreError) {
    let stored = try await database.execute(
      Self.grantingAccess(to: device, of: userID, credential, at: now, devicesMax: limits.devicesPerPersonMax))
    guard stored == 1 else { throw .noSuchUser }
  }

  private static let accessGrant = Statement(
    .read,
    """
    SELECT device_id, CASE WHEN access_hash = $2 THEN access_expires_at ELSE previous_access_expires_at END
    FROM devices WHERE user_id = $1 AND (access_hash = $2 OR previous_access_hash = $2)
    """)

  private static let accessGrantSet = Statement(
    .read,
    """
    SELECT device_id, CASE WHEN access_hash = wanted.hash THEN access_expires_at ELSE previous_access_expires_at END,
      wanted.place
    FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY wanted (user_id, hash, place)
      CROSS JOIN LATERAL (
        SELECT * FROM devices
        WHERE devices.user_id = wanted.user_id
          AND (devices.access_hash = wanted.hash OR devices.previous_access_hash = wanted.hash)
        LIMIT 1) d
    """)

  /// The device that an access token belongs to; nil if none, or if it was revoked. It may have expired.
  public func accessGrant(of userID: Identifier, accessHash: [UInt8]) async throws(StoreError) -> AccessGrant? {
    try await grantBatcher.response(to: AccessKey(userID: userID, accessHash: accessHash))
  }

  /// Reads a batch: a single one by the plain statement, several by one statement for all.
  static func readGrants(_ keys: [AccessKey], _ database: Database) async -> Result<[AccessGrant?], StoreError> {
    do throws(StoreError) {
      if let key = keys.first, keys.count == 1 {
        let grant = try await database.row(accessGrant, .identifier(key.userID), .bytes(key.accessHash)) {
          row throws(DatabaseError) in try row.accessGrant()
        }
        return .success([grant])
      }
      var grants = [AccessGrant?](repeating: nil, count: keys.count)
      let found = try await database.rows(
        accessGrantSet, .identifiers(keys.map(\.userID)), .bytesArray(keys.map(\.accessHash))
      ) { row throws(DatabaseError) in (place: Int(try row.int64(2)), grant: try row.accessGrant()) }
      for (place, grant) in found where (1...keys.count).contains(place) { grants[place - 1] = grant }
      return .success(grants)
    } catch {
      return .failure(error)
    }
  }

  private static let refreshGrant = Statement(
    .read,
    """
    SELECT device_id, refresh_hash, refresh_expires_at, previous_refresh_hash, refreshed_at, sealed_refresh
    FROM devices WHERE user_id = $1 AND refresh_family_hash = $2 AND refresh_hash IS NOT NULL
    """)

  /// The signed-in device whose refresh tokens are of a family.
  public func refreshGrant(of userID: Identifier, familyHash: [UInt8]) async throws(StoreError) -> RefreshGrant? {
    try await database.row(Self.refreshGrant, .identifier(userID), .bytes(familyHash)) { row throws(DatabaseError) in
      RefreshGrant(
        deviceID: try row.identifier(0), refreshHash: try row.bytes(1), refreshExpiresAt: try row.moment(2),
        previousRefreshHash: try row.bytesOrNull(3), refreshedAt: try row.momentOrNull(4),
        sealedRefresh: try row.bytesOrNull(5))
    }
  }

  private static let refresh = Statement(
    .write,
    """
    UPDATE devices SET
      previous_access_hash = access_hash, previous_access_expires_at = access_expires_at,
      access_hash = $4, access_expires_at = $5, previous_refresh_hash = refresh_hash, refresh_hash = $6,
      refresh_expires_at = $7, refreshed_at = $8, sealed_refresh = $9
    WHERE user_id = $1 AND device_id = $2 AND refresh_hash = $3
    """)

  /// Replaces a device's credentials, if its refresh token is still the one presented.
  ///
  /// - Returns: Whether it was; if not, somebody else presented it first.
  public func refresh(
    _ deviceID: Identifier, of userID: Identifier, presentedHash: [UInt8], _ credential: CredentialRecord,
    sealedReply: [UInt8], at now: Moment
  ) async throws(StoreError) -> Bool {
    try await database.execute(
      Self.refresh, .identifier(userID), .identifier(deviceID), .bytes(presentedHash), .bytes(credential.accessHash),
      .moment(credential.accessExpiresAt), .bytes(credential.refreshHash), .moment(credential.refreshExpiresAt),
      .moment(now), .bytes(sealedReply)) == 1
  }

  private static let signOut = Statement(
    .write,
    """
    WITH revoked AS (
      UPDATE devices SET
        access_hash = NULL, access_expires_at = NULL, previous_access_hash = NULL, previous_access_expires_at = NULL,
        refresh_hash = NULL, refresh_expires_at = NULL, refresh_family_hash = NULL, previous_refresh_hash = NULL,
        sealed_refresh = NULL
      WHERE user_id = $1 AND ($2::uuid IS NULL OR device_id = $2) AND refresh_hash IS NOT NULL
      RETURNING 1
    )
    SELECT (SELECT count(*)::integer FROM revoked), pg_notify($3, $4)
    """)

  /// Revokes the credentials of one device, or of all, and tells every server.
  ///
  /// - Returns: How many devices were signed in until now.
  public func signOut(_ deviceID: Identifier?, of userID: Identifier) async throws(StoreError) -> Int32 {
    try await database.row(
      Self.signOut, .identifier(userID), .identifier(deviceID), .string(Self.revocationChannel),
      .string(userID.description)
    ) { row throws(DatabaseError) in try row.int32(0) } ?? 0
  }
}

extension Row {
  /// Columns of the statements above, in their order.
  fileprivate func accessGrant() throws(DatabaseError) -> AccessGrant {
    AccessGrant(deviceID: try identifier(0), expiresAt: try moment(1))
  }
}

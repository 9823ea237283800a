internal import Postgres
public import StreakDomain

/// The device of a valid access token.
public struct AccessGrant: Sendable, Equatable {
  public var deviceID: Identifier
  public var expiresAt: Instant
  /// When the account is to be erased; nil: it is not.
  public var deletionAt: Instant?
}

/// The result of looking up an access token.
struct FoundAccess: Sendable {
  var deviceID: Identifier
  /// Nil: the token's pair has not been used yet.
  var expiresAt: Instant?
  var deletionAt: Instant?
}

/// Identifies an access token of a user.
struct AccessKey: Sendable {
  var userID: Identifier
  /// SHA-256 of the secret.
  var accessHash: [UInt8]
}

/// The family that a refresh token belongs to.
public enum RefreshGrant: Sendable, Equatable {
  /// The device's current family.
  case living(deviceID: Identifier, TokenFamily)
  /// The device's last family that ended.
  ///
  /// - Parameter isCopy: It ended because two holders had used different pairs, or the device has
  ///   signed in again since: its holder is not the device that the person continues with, or not
  ///   the only one.
  case ended(deviceID: Identifier, isCopy: Bool)
}

extension StreakStore {
  /// The channel on which servers are notified of revoked credentials. The payload is the user's id
  /// as 32 hexadecimal digits.
  public static let revocationChannel = "streakd_revocations"

  // The first parameters are the device's row: $1 the user, $2 the device, $3 the time. These
  // follow.
  private static let (devicesMaxParameter, changesParameter, sourceParameter, passwordParameter) = {
    let end = DeviceColumn.inserted.count
    return ("$\(end + 1)", "$\(end + 2)", "$\(end + 3)", "$\(end + 4)")
  }()
  private static let sourceBytes = StreakDomain.Sources.encodedSourceBytes

  private static let grantAccess = Statement(
    .write,
    """
    WITH head AS (
      -- The person's head is locked before any device, as everywhere; then the account's row, so that its latest
      -- state decides. Nothing is stored for a person who is not there, whose account is locked, or who has
      -- another password by now.
      SELECT h.user_id, h.sources FROM heads h JOIN users u ON u.user_id = h.user_id
      WHERE h.user_id = $1 AND u.locked_at IS NULL
        AND (\(passwordParameter)::bytea IS NULL OR u.sealed_password = \(passwordParameter))
      FOR NO KEY UPDATE OF h, u
    ), registered AS (
      -- A device that is new is a source of statements (`Sources.encoded`); of too many the earliest goes. One that
      -- went has its operations still: its queue continues after them.
      UPDATE heads SET change_number = heads.change_number + \(changesParameter),
        sources = substr(heads.sources, CASE
            WHEN octet_length(heads.sources) >= \(StreakDomain.Sources.countMax * sourceBytes) THEN \(sourceBytes + 1)
            ELSE 1 END)
          || overlay(\(sourceParameter)::bytea PLACING
            int8send(coalesce((SELECT max(seq) FROM operations WHERE user_id = $1 AND device_id = $2), 0))
            FROM \(StreakDomain.Sources.encodedLastSeqOffset + 1))
      FROM head WHERE heads.user_id = head.user_id AND position(uuid_send($2) IN head.sources) = 0
    ), displaced AS (
      DELETE FROM devices WHERE user_id = $1 AND device_id IN (
        SELECT device_id FROM devices WHERE user_id = $1 AND device_id <> $2
        ORDER BY greatest(registered_at, refreshed_at) DESC, device_id OFFSET \(devicesMaxParameter) - 1)
    )
    INSERT INTO devices (\(DeviceColumn.inserted.list()))
    SELECT \(DeviceColumn.inserted.parameters()) FROM head
    ON CONFLICT (user_id, device_id) DO UPDATE SET
      \(DeviceColumn.signedIn.assignments(from: "excluded")), refreshed_at = excluded.registered_at,
      revoked_at = NULL, \(endingFamily)
    """)

  /// Makes these the only credentials of a device, which is registered if it is new.
  ///
  /// - Parameters:
  ///   - addressHash: A hash of the address that the device signs in from; nil: none is known.
  ///   - isNewAccount: No change of this user's data can exist yet.
  ///   - isProven: The person has proven the identity, by the password or a recovery code.
  ///   - sealedPassword: The password as it must still be stored; nil: any.
  static func grantingAccess(
    to device: DeviceRecord, of userID: Identifier, _ credential: CredentialRecord, at now: Instant, devicesMax: Int32,
    addressHash: [UInt8]?, isNewAccount: Bool = false, isProven: Bool = true, ifPassword sealedPassword: [UInt8]? = nil
  ) -> BoundStatement {
    let signIn = DeviceSignIn(
      userID: userID, device: device, credential: credential, signedInAt: now, isProven: isProven,
      addressHash: addressHash)
    return BoundStatement(
      statement: grantAccess,
      parameters: DeviceColumn.inserted.map { $0.value(signIn) } + [
        .int32(devicesMax), .int32(isNewAccount ? 0 : 1),
        .bytes(StreakDomain.Sources.encoded(registering: [device.deviceID], at: now)), .bytes(sealedPassword),
      ])
  }

  /// Signs a device in: it is registered if it is new, and these become its only credentials.
  ///
  /// - Parameters:
  ///   - addressHash: A hash of the address that the device signs in from.
  ///   - sealedPassword: The stored password that the person proved; nil: none was needed.
  ///   - notice: A mail about the sign-in, stored with it.
  /// - Throws: `.noSuchUser` if there is no such account, or none like it any more: it was erased
  ///   or locked, or its password replaced, meanwhile.
  package func signIn(
    _ device: DeviceRecord, of userID: Identifier, _ credential: CredentialRecord, at now: Instant,
    addressHash: [UInt8]? = nil, ifPassword sealedPassword: [UInt8]? = nil, notice: NewMail? = nil
  ) async throws(StoreError) {
    await whileFree(.person(userID))
    let grant = Self.grantingAccess(
      to: device, of: userID, credential, at: now, devicesMax: limits.devicesPerPersonMax, addressHash: addressHash,
      ifPassword: sealedPassword)
    guard let notice else {
      guard try await database.execute(grant) == 1 else { throw .noSuchUser }
      return
    }
    try await transaction { transaction throws(StoreError) in
      var batch = Batch()
      batch.append(grant)
      batch.append(Self.enqueueingNotice(notice, to: userID))
      guard try await transaction.execute(batch, commits: true).first == 1 else { throw StoreError.noSuchUser }
      return .commit(())
    }
  }

  private static let noteLanguage = Statement(
    .write, "UPDATE users SET language = $2 WHERE user_id = $1 AND language <> $2")

  /// Stores the language of an account's mails.
  package func noteLanguage(_ language: String, of userID: Identifier) async throws(StoreError) {
    try await database.execute(Self.noteLanguage, .identifier(userID), .string(language))
  }

  /// Columns of an access grant; `hash` stands for the token's hash, `owner` for the user. A token
  /// of an unused pair grants nothing before its first use is stored.
  private static func grantColumns(_ hash: String, of owner: String) -> String {
    """
    device_id, CASE WHEN access_hash = \(hash) THEN access_expires_at WHEN previous_access_hash = \(hash)
      THEN previous_access_expires_at END, (SELECT deletion_at FROM users u WHERE u.user_id = \(owner))
    """
  }

  private static func holds(_ hash: String) -> String {
    "(access_hash = \(hash) OR previous_access_hash = \(hash) OR position(\(hash) IN unused_pairs) > 0)"
  }

  private static let accessGrant = Statement(
    .read, "SELECT \(grantColumns("$2::bytea", of: "$1")) FROM devices WHERE user_id = $1 AND \(holds("$2::bytea"))")

  private static let accessGrantSet = Statement(
    .read,
    """
    SELECT \(grantColumns("wanted.hash", of: "wanted.user_id")), wanted.place
    FROM unnest($1::uuid[], $2::bytea[]) WITH ORDINALITY wanted (user_id, hash, place)
      CROSS JOIN LATERAL (
        SELECT * FROM devices WHERE devices.user_id = wanted.user_id AND \(holds("wanted.hash")) LIMIT 1) d
    """)

  /// The device that an access token belongs to; nil if none, or if it was revoked. It may have
  /// expired. The first use of a pair ends the previous pair.
  public func accessGrant(
    of userID: Identifier, accessHash: [UInt8], at now: Instant
  ) async throws(StoreError) -> AccessGrant? {
    let found = try await grantBatcher.response(to: AccessKey(userID: userID, accessHash: accessHash))
    guard let found, found.expiresAt == nil else {
      return found.flatMap { found in
        found.expiresAt.map { AccessGrant(deviceID: found.deviceID, expiresAt: $0, deletionAt: found.deletionAt) }
      }
    }
    let expiresAt = try await changeFamily(of: found.deviceID, userID) { $0.use(accessHash, at: now) }
    return expiresAt.flatMap { $0 }.map {
      AccessGrant(deviceID: found.deviceID, expiresAt: $0, deletionAt: found.deletionAt)
    }
  }

  /// Reads a batch: a single key by the plain statement, several by one statement for all.
  static func readGrants(_ keys: [AccessKey], _ database: Database) async -> Result<[FoundAccess?], StoreError> {
    do throws(StoreError) {
      if let key = keys.first, keys.count == 1 {
        let grant = try await database.row(accessGrant, .identifier(key.userID), .bytes(key.accessHash)) {
          row throws(DatabaseError) in try row.foundAccess()
        }
        return .success([grant])
      }
      var grants = [FoundAccess?](repeating: nil, count: keys.count)
      let found = try await database.rows(
        accessGrantSet, .identifiers(keys.map(\.userID)), .bytesArray(keys.map(\.accessHash))
      ) { row throws(DatabaseError) in (place: Int(try row.int64(3)), grant: try row.foundAccess()) }
      for (place, grant) in found where (1...keys.count).contains(place) { grants[place - 1] = grant }
      return .success(grants)
    } catch {
      return .failure(error)
    }
  }

  private static let familyColumns = Selection(DeviceColumn.family)
  private static let grantedFamilyColumns = Selection(DeviceColumn.family, from: 3)

  private static let refreshGrant = Statement(
    .read,
    """
    SELECT device_id, refresh_family_hash IS NOT DISTINCT FROM $2, ended_by_copy OR refresh_hash IS NOT NULL,
      \(grantedFamilyColumns.list())
    FROM devices WHERE user_id = $1 AND (refresh_family_hash = $2 OR ended_family_hash = $2)
    """)

  /// The device to which a family of refresh tokens belongs, or belonged last.
  public func refreshGrant(of userID: Identifier, familyHash: [UInt8]) async throws(StoreError) -> RefreshGrant? {
    try await database.row(Self.refreshGrant, .identifier(userID), .bytes(familyHash)) { row throws(DatabaseError) in
      let deviceID = try row.identifier(0)
      guard try row.bool(1), let family = try row.tokenFamily(Self.grantedFamilyColumns) else {
        return .ended(deviceID: deviceID, isCopy: try row.bool(2))
      }
      return .living(deviceID: deviceID, family)
    }
  }

  private static let tokenFamily = Statement(
    .read, "SELECT \(familyColumns.list()) FROM devices WHERE user_id = $1 AND device_id = $2")

  private static let storeFamily = Statement(
    .write,
    """
    UPDATE devices SET refreshed_at = coalesce($5, refreshed_at), \(DeviceColumn.family.assignments(fromParameter: 6))
    WHERE user_id = $1 AND device_id = $2 AND refresh_hash = $3 AND unused_pairs = $4
    """)

  /// Stores a device's family, if it has not changed since it was read.
  ///
  /// - Parameter refreshedAt: Nil: unchanged.
  /// - Returns: False if another call changed it first.
  public func storeFamily(
    _ family: TokenFamily, replacing before: TokenFamily, of deviceID: Identifier, _ userID: Identifier,
    refreshedAt: Instant? = nil
  ) async throws(StoreError) -> Bool {
    let key: [PostgresValue] = [
      .identifier(userID), .identifier(deviceID), .bytes(before.current.refreshHash), .bytes(before.encodedUnused),
    ]
    let values = DeviceColumn.family.map { $0.value(family) }
    return try await database.execute(
      BoundStatement(statement: Self.storeFamily, parameters: key + [.instant(refreshedAt)] + values)) == 1
  }

  /// Most times that a family is read again because another call changed it meanwhile. Each such
  /// change uses up one of few unused pairs.
  private static let familyAttemptsMax = 4

  /// Changes a device's family and stores the change.
  ///
  /// - Returns: The last result of `change`; nil if the device is signed out.
  private func changeFamily<Value>(
    of deviceID: Identifier, _ userID: Identifier, _ change: (inout TokenFamily) -> Value
  ) async throws(StoreError) -> Value? {
    for _ in 0..<Self.familyAttemptsMax {
      let before = try await database.row(Self.tokenFamily, .identifier(userID), .identifier(deviceID)) {
        row throws(DatabaseError) in try row.tokenFamily(Self.familyColumns)
      }
      guard let before = before ?? nil else { return nil }
      var family = before
      let value = change(&family)
      if family == before { return value }
      if try await storeFamily(family, replacing: before, of: deviceID, userID) { return value }
    }
    throw .concurrentChange
  }

  /// Revokes the credentials of a device whose family two holders share, and notifies every server.
  public func endCopiedFamily(_ familyHash: [UInt8], of deviceID: Identifier, _ userID: Identifier)
    async throws(StoreError)
  {
    try await database.execute(
      Self.endCopied, .identifier(userID), .identifier(deviceID), .bytes(familyHash), .string(Self.revocationChannel),
      .string(userID.description))
  }

  private static let endCopied = Statement(
    .write,
    """
    WITH ended AS (
      UPDATE devices SET \(endingCredentials(isCopy: true))
      WHERE user_id = $1 AND device_id = $2 AND refresh_family_hash = $3 RETURNING 1
    )
    SELECT pg_notify($4, $5) FROM ended
    """)

  /// SQL that ends a device's credentials. The family is kept, so that its holder can be
  /// distinguished from a stranger.
  static func endingCredentials(isCopy: Bool = false) -> String {
    """
    \(DeviceColumn.credentials.assignmentsOfDefaults()), \(endingFamily), ended_by_copy = \(isCopy)
    """
  }

  /// SQL that keeps a device's family, or else the one before it, as the last that ended.
  static let endingFamily = "ended_family_hash = coalesce(devices.refresh_family_hash, devices.ended_family_hash)"

  private static let signOut = Statement(
    .write,
    """
    WITH revoked AS (
      UPDATE devices SET \(endingCredentials())
      WHERE user_id = $1 AND ($2::uuid IS NULL OR device_id = $2) AND refresh_hash IS NOT NULL
      RETURNING 1
    ), refused AS (
      \(endingApprovals) AND $2::uuid IS NULL
    )
    SELECT (SELECT count(*)::integer FROM revoked), pg_notify($3, $4)
    """)

  /// Revokes the credentials of one device, or of all, and notifies every server.
  ///
  /// - Returns: How many devices were signed in until now.
  public func signOut(_ deviceID: Identifier?, of userID: Identifier) async throws(StoreError) -> Int32 {
    guard deviceID == nil else { return try await Self.signOut(deviceID, of: userID, by: database) }
    return try await lockingPerson(userID) { transaction throws(StoreError) in
      try await Self.signOut(nil, of: userID, by: transaction)
    } ?? 0
  }

  static func signOut(
    _ deviceID: Identifier?, of userID: Identifier, by runner: some StatementRunner
  ) async throws(StoreError) -> Int32 {
    try await runner.row(
      signOut, .identifier(userID), .identifier(deviceID), .string(revocationChannel),
      .string(userID.description)
    ) { row throws(DatabaseError) in try row.int32(0) } ?? 0
  }

  /// SQL that ends the requests to sign in of the user `$1` that no device has completed: the
  /// device that approved them may have been signed out for it.
  static let endingApprovals = """
    UPDATE sign_in_approvals SET is_approved = false
    WHERE user_id = $1 AND sealed_reply IS NULL AND is_approved IS DISTINCT FROM false
    """

  /// Locks a person's head, which precedes every other lock of the person's rows.
  static let lockHead = Statement(.write, "SELECT FROM heads WHERE user_id = $1 FOR NO KEY UPDATE")

  /// Runs a change of credentials in a transaction that has the person's row lock before the body's
  /// first statement looks: a sign-in that is under way is either seen, or sees the change.
  ///
  /// - Parameter body: Nil rolls the transaction back.
  /// - Returns: The body's value; nil also if there is no such account.
  func lockingPerson<Value: Sendable>(
    _ userID: Identifier, _ body: (Transaction) async throws(StoreError) -> Value?
  ) async throws(StoreError) -> Value? {
    try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<Value?> in
        guard try await transaction.execute(Self.lockHead, .identifier(userID)) == 1,
          let value = try await body(transaction)
        else { return .rollBack(nil) }
        return .commit(value)
      }
    }
  }
}

extension Row {
  /// Columns of the statements above, in their order.
  fileprivate func foundAccess() throws(DatabaseError) -> FoundAccess {
    FoundAccess(
      deviceID: try identifier(0), expiresAt: try instantOrNull(1), deletionAt: try instantOrNull(2))
  }
}

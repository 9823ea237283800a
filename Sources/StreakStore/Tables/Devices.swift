internal import Postgres
internal import StreakDomain

/// The columns of `devices`.
enum DeviceColumn: Int, TableColumn {
  case userID, deviceID, name, platform, appVersion, registeredAt, accessHash, accessExpiresAt, previousAccessHash,
    previousAccessExpiresAt, refreshHash, refreshExpiresAt, refreshFamilyHash, unusedPairs, refreshedAt,
    endedFamilyHash, endedByCopy, addressHash, provenAt, revokedAt

  /// What a device says of itself.
  static let description: [DeviceColumn] = [.deviceID, .name, .platform, .appVersion]
  /// The columns of a known device.
  static let known: [DeviceColumn] = description + [.registeredAt, .refreshedAt, .refreshHash]
  /// The columns of a device's family of tokens.
  static let family: [DeviceColumn] = [
    .accessHash, .accessExpiresAt, .refreshHash, .refreshExpiresAt, .previousAccessHash, .previousAccessExpiresAt,
    .unusedPairs,
  ]
  /// The columns of a device's credentials.
  static let credentials: [DeviceColumn] = family + [.refreshFamilyHash]
  /// The columns that every sign-in on a device stores.
  static let signedIn: [DeviceColumn] =
    [.name, .platform, .appVersion] + credentials + [.provenAt, .addressHash]
  /// The columns that the first one stores.
  static let inserted: [DeviceColumn] = [.userID, .deviceID, .registeredAt] + signedIn

  /// The value to store, of `family`.
  func value(_ family: TokenFamily) -> PostgresValue {
    switch self {
    case .accessHash: .bytes(family.current.accessHash)
    case .accessExpiresAt: .instant(family.current.accessExpiresAt)
    case .refreshHash: .bytes(family.current.refreshHash)
    case .refreshExpiresAt: .instant(family.current.refreshExpiresAt)
    case .previousAccessHash: .bytes(family.previousAccess?.hash)
    case .previousAccessExpiresAt: .instant(family.previousAccess?.expiresAt)
    case .unusedPairs: .bytes(family.encodedUnused)
    case .userID, .deviceID, .name, .platform, .appVersion, .registeredAt, .refreshFamilyHash, .refreshedAt,
      .endedFamilyHash, .endedByCopy, .addressHash, .provenAt, .revokedAt:
      .bytes(nil as [UInt8]?)
    }
  }

  /// The value to store, of `credentials`: a new family.
  func value(_ credential: CredentialRecord) -> PostgresValue {
    self == .refreshFamilyHash
      ? .bytes(credential.refreshFamilyHash) : value(TokenFamily(current: TokenFamily.Pair(credential)))
  }

  /// The value to store, of `inserted`.
  func value(_ signIn: DeviceSignIn) -> PostgresValue {
    switch self {
    case .userID: .identifier(signIn.userID)
    case .deviceID: .identifier(signIn.device.deviceID)
    case .registeredAt: .instant(signIn.signedInAt)
    case .name: .string(signIn.device.name)
    case .platform: .string(signIn.device.platform)
    case .appVersion: .string(signIn.device.appVersion)
    case .provenAt: .instant(signIn.isProven ? signIn.signedInAt : nil)
    case .addressHash: .bytes(signIn.addressHash)
    case .accessHash, .accessExpiresAt, .previousAccessHash, .previousAccessExpiresAt, .refreshHash,
      .refreshExpiresAt, .refreshFamilyHash, .unusedPairs, .refreshedAt, .endedFamilyHash, .endedByCopy, .revokedAt:
      value(signIn.credential)
    }
  }
}

/// What a sign-in stores of its device.
struct DeviceSignIn {
  let userID: Identifier
  let device: DeviceRecord
  let credential: CredentialRecord
  let signedInAt: Instant
  /// The person has proven the identity, by the password or a recovery code.
  let isProven: Bool
  /// A hash of the address that the device signs in from; nil: none is known.
  let addressHash: [UInt8]?
}

extension Row {
  /// Decodes `DeviceColumn.description`.
  func device(_ at: Selection<DeviceColumn>) throws(DatabaseError) -> DeviceRecord {
    DeviceRecord(
      deviceID: try identifier(at[.deviceID]), name: try string(at[.name]), platform: try string(at[.platform]),
      appVersion: try string(at[.appVersion]))
  }

  /// Decodes `DeviceColumn.known`.
  func knownDevice(_ at: Selection<DeviceColumn>) throws(DatabaseError) -> KnownDeviceRecord {
    KnownDeviceRecord(
      device: try device(at), registeredAt: try instant(at[.registeredAt]),
      refreshedAt: try instantOrNull(at[.refreshedAt]), isSignedIn: try bytesOrNull(at[.refreshHash]) != nil)
  }

  /// Decodes `DeviceColumn.family`; nil if the device is signed out.
  func tokenFamily(_ at: Selection<DeviceColumn>) throws(DatabaseError) -> TokenFamily? {
    guard let access = try bytesOrNull(at[.accessHash]), let refresh = try bytesOrNull(at[.refreshHash]),
      let accessExpiresAt = try instantOrNull(at[.accessExpiresAt]),
      let refreshExpiresAt = try instantOrNull(at[.refreshExpiresAt])
    else { return nil }
    var previous: TokenFamily.Access?
    if let hash = try bytesOrNull(at[.previousAccessHash]),
      let expiresAt = try instantOrNull(at[.previousAccessExpiresAt])
    {
      previous = TokenFamily.Access(hash: hash, expiresAt: expiresAt)
    }
    return TokenFamily(
      current: TokenFamily.Pair(
        accessHash: access, accessExpiresAt: accessExpiresAt, refreshHash: refresh, refreshExpiresAt: refreshExpiresAt),
      previousAccess: previous, unused: TokenFamily.pairs(encoded: try bytes(at[.unusedPairs])) ?? [])
  }
}

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

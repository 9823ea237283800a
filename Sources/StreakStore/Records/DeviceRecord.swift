public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// A device's description of itself.
public struct DeviceRecord: Sendable, Equatable {
  public var deviceID: Identifier
  public var name: String
  public var platform: String
  public var appVersion: String

  public init(deviceID: Identifier, name: String, platform: String, appVersion: String) {
    self.deviceID = deviceID
    self.name = name
    self.platform = platform
    self.appVersion = appVersion
  }
}

/// A device's credentials as the server stores them: hashes and times.
public struct CredentialRecord: Sendable, Equatable {
  /// SHA-256 of the access token's secret, 32 bytes.
  public var accessHash: [UInt8]
  public var accessExpiresAt: Instant
  /// SHA-256 of the refresh token's secret, 32 bytes.
  public var refreshHash: [UInt8]
  public var refreshExpiresAt: Instant
  /// SHA-256 of the half of the refresh token that stays the same over refreshes, 32 bytes.
  public var refreshFamilyHash: [UInt8]

  public init(
    accessHash: [UInt8], accessExpiresAt: Instant, refreshHash: [UInt8], refreshExpiresAt: Instant,
    refreshFamilyHash: [UInt8]
  ) {
    self.accessHash = accessHash
    self.accessExpiresAt = accessExpiresAt
    self.refreshHash = refreshHash
    self.refreshExpiresAt = refreshExpiresAt
    self.refreshFamilyHash = refreshFamilyHash
  }
}

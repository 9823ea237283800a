package import struct StreakDomain.Identifier
package import struct StreakDomain.Instant

/// A device's description of itself.
package struct DeviceRecord: Sendable, Equatable {
  package var deviceID: Identifier
  package var name: String
  package var platform: String
  package var appVersion: String

  package init(deviceID: Identifier, name: String, platform: String, appVersion: String) {
    self.deviceID = deviceID
    self.name = name
    self.platform = platform
    self.appVersion = appVersion
  }
}

/// A device's credentials as the server stores them: hashes and times.
package struct CredentialRecord: Sendable, Equatable {
  /// SHA-256 of the access token's secret, 32 bytes.
  package var accessHash: [UInt8]
  package var accessExpiresAt: Instant
  /// SHA-256 of the refresh token's secret, 32 bytes.
  package var refreshHash: [UInt8]
  package var refreshExpiresAt: Instant
  /// SHA-256 of the half of the refresh token that stays the same over refreshes, 32 bytes.
  package var refreshFamilyHash: [UInt8]

  package init(
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

public import StreakDomain

/// Limits of one user's data. Beyond a limit a call is refused, or the oldest row is displaced.
public struct StoreLimits: Sendable {
  /// Most habits of one person, archived ones included.
  public var habitsPerPersonMax = 1000
  /// Most devices of one user; one more displaces the one that was unused the longest.
  public var devicesPerPersonMax: Int32 = 100
  /// Most days that statistics read.
  public var statisticsDaysMax: Int32 = 3660
  /// Bytes of one user's audit events; beyond them the oldest go. At least 1 MiB.
  public var auditBytesPerPersonMax: Int64 = 32 << 20
  /// Bytes of text in the database, and changes.
  public var quotas = StorageQuotas()

  public init() {}
}

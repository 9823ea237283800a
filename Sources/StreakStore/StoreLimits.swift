package import StreakDomain

/// Limits of one user's data. Beyond a limit a call is refused, or the oldest row is displaced.
package struct StoreLimits: Sendable {
  /// Most habits of one person, archived ones included.
  package var habitsPerPersonMax = 1000
  /// Most devices of one user; one more displaces the one that was unused the longest.
  package var devicesPerPersonMax: Int32 = 100
  /// Most days that statistics read.
  package var statisticsDaysMax: Int32 = 3660
  /// Bytes of text in the database, and changes.
  package var quotas = StorageQuotas()

  package init() {}
}

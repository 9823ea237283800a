public import StreakDomain

/// What one person's data may grow to. Passing a limit is refused, or displaces the oldest, never
/// ignored.
public struct StoreLimits: Sendable {
  /// Most habits of one person, archived ones included.
  public var habitsPerPersonMax = 1000
  /// Most devices of one person; one more displaces the one that was silent the longest.
  public var devicesPerPersonMax: Int32 = 100
  /// Days that statistics look at, at most.
  public var statisticsDaysMax: Int32 = 3660
  /// Bytes of text in the database, and changes.
  public var quotas = StorageQuotas()

  public init() {}
}

/// Lets one message of each kind through per second, and counts the others. Pure.
public struct FaultLimiter: Sendable {
  /// Most kinds within a second; messages of further ones are dropped.
  public static let kindsMax = 64

  private struct Entry {
    var second: Int64
    /// Messages since the last one that was let through.
    var omittedCount: Int
  }
  private var entries: [String: Entry] = [:]

  public init() {}

  /// - Returns: How many messages of the kind were dropped since the last one; nil: this one is
  ///   dropped as well.
  public mutating func admit(_ kind: String, second: Int64) -> Int? {
    if let entry = entries[kind] {
      guard entry.second != second else {
        entries[kind]?.omittedCount += 1
        return nil
      }
      entries[kind] = Entry(second: second, omittedCount: 0)
      return entry.omittedCount
    }
    if entries.count >= Self.kindsMax { entries = entries.filter { $0.value.second == second } }
    guard entries.count < Self.kindsMax else { return nil }
    entries[kind] = Entry(second: second, omittedCount: 0)
    return 0
  }
}

internal import Synchronization

/// Lets so many log lines of each kind through in a second, and counts the others, so that a fault
/// that every call meets cannot fill a disk. Any thread.
public final class LogRateLimiter: Sendable {
  /// Most kinds within a second; lines of further ones are dropped.
  public static let kindsMax = 64

  private struct Entry {
    var second: Int64
    /// Lines that were let through in the second.
    var count = 1
    /// Lines since the last one that was let through.
    var omittedCount = 0
  }
  private let linesPerSecondMax: Int
  private let entries = Mutex<[String: Entry]>([:])

  /// - Parameter linesPerSecondMax: Lines of one kind, 1 or more.
  public init(linesPerSecondMax: Int = 1) {
    precondition(linesPerSecondMax >= 1)
    self.linesPerSecondMax = linesPerSecondMax
  }

  /// - Returns: How many lines of the kind were dropped since the last one; nil: this one is
  ///   dropped as well.
  public func admit(_ kind: String, second: Int64) -> Int? {
    entries.withLock { entries in
      if let entry = entries[kind] {
        guard entry.second == second else {
          entries[kind] = Entry(second: second)
          return entry.omittedCount
        }
        guard entry.count < linesPerSecondMax else {
          entries[kind]?.omittedCount += 1
          return nil
        }
        entries[kind]?.count += 1
        return 0
      }
      if entries.count >= Self.kindsMax { entries = entries.filter { $0.value.second == second } }
      guard entries.count < Self.kindsMax else { return nil }
      entries[kind] = Entry(second: second)
      return 0
    }
  }
}

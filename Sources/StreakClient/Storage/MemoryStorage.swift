internal import Synchronization

/// A storage in the process's memory: for tests, and for apps that demonstrate the client.
public final class MemoryStorage: ClientStorage {
  private struct Content {
    var records: [[UInt8]: [UInt8]] = [:]
    var version: Int64 = 1
  }

  private let content = Mutex(Content())

  public init() {}

  public func transaction(
    _ body: (StorageView) throws(StorageError) -> [StorageChange]
  ) throws(StorageError) -> Int64 {
    try content.withLock { content throws(StorageError) in
      let records = content.records
      let changes = try body(
        StorageView(version: content.version) { records.map { StorageRecord(key: $0.key, value: $0.value) } })
      for change in changes { content.records[change.key] = change.value }
      if !changes.isEmpty { content.version += 1 }
      return content.version
    }
  }
}

/// A client's storage: a set of small records that changes in transactions. Several clients (other
/// processes of the same person) may share it.
public protocol ClientStorage: Sendable {
  /// Runs `body` in exclusion of all other transactions, and stores the changes that it returns.
  /// They are on the disk when this returns: all of them or, after an error, none.
  ///
  /// - Returns: The storage's version afterwards. If the next transaction starts with another
  ///   version, another client has changed the storage meanwhile.
  func transaction(
    _ body: (StorageView) throws(StorageError) -> [StorageChange]
  ) throws(StorageError) -> Int64
}

/// A transaction's view of the storage.
public struct StorageView {
  /// The version before the transaction.
  public let version: Int64
  /// All records, in any order.
  public let records: () throws(StorageError) -> [StorageRecord]

  public init(version: Int64, records: @escaping () throws(StorageError) -> [StorageRecord]) {
    self.version = version
    self.records = records
  }
}

public struct StorageRecord: Equatable, Sendable {
  /// Identifies the record; up to 64 bytes.
  public var key: [UInt8]
  public var value: [UInt8]

  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }
}

/// A record to write or to remove.
public struct StorageChange: Equatable, Sendable {
  public var key: [UInt8]
  /// Nil removes the record.
  public var value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}

/// Why the storage failed: for example a full disk, or a file of another program.
public struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

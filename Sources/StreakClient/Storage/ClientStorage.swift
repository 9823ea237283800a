/// Where a client keeps what it knows: a set of small records that changes in transactions, and
/// that several clients (other processes of the same person) may share.
public protocol ClientStorage: Sendable {
  /// Runs `body` while nobody else changes anything, and keeps what it returns: all of it, on the
  /// disk, before this returns, or nothing.
  ///
  /// - Returns: The version of the storage afterwards: another one than `body` is given next time
  ///   means that somebody else was here meanwhile.
  func transaction(
    _ body: (StorageView) throws(StorageError) -> [StorageChange]
  ) throws(StorageError) -> Int64
}

/// What a transaction sees.
public struct StorageView {
  /// Of the storage before the transaction.
  public let version: Int64
  /// All records, in any order.
  public let records: () throws(StorageError) -> [StorageRecord]

  public init(version: Int64, records: @escaping () throws(StorageError) -> [StorageRecord]) {
    self.version = version
    self.records = records
  }
}

public struct StorageRecord: Equatable, Sendable {
  /// Names it among all others; up to 64 bytes.
  public var key: [UInt8]
  public var value: [UInt8]

  public init(key: [UInt8], value: [UInt8]) {
    self.key = key
    self.value = value
  }
}

/// A record that is written, or removed.
public struct StorageChange: Equatable, Sendable {
  public var key: [UInt8]
  /// Nil: there is no such record any more.
  public var value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}

/// Why something was not kept, or could not be read: a full disk, a file of something else.
public struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  public var message: String

  public init(_ message: String) { self.message = message }

  public var description: String { message }
}

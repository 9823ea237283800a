internal import Cryptography

/// A digest of a person's whole visible state, updated item by item: the sum of the items' hashes.
///
/// An item's hash is the first 16 bytes of SHA-256 over its canonical bytes, read as two big-endian
/// 64-bit numbers; each of the two is summed modulo 2^64. Source: proto/streak/v1/sync.proto,
/// `StateDigest`.
public struct StateDigest: Hashable, Sendable {
  private var first: UInt64
  private var second: UInt64

  /// Of nothing.
  public static let empty = StateDigest(first: 0, second: 0)
  /// The size of `bytes`.
  public static let byteCount = 16

  private init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// Reads `bytes` back; nil for any other length.
  public init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.init(first: Self.number(bytes[..<8]), second: Self.number(bytes[8...]))
  }

  /// The 16 bytes.
  public var bytes: [UInt8] {
    Identifier(high: first, low: second).bytes
  }

  /// The digest of one item.
  public init(ofItem canonicalBytes: [UInt8]) {
    (first, second) = SHA256.leadingNumbers(of: canonicalBytes)
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

  public static func += (left: inout StateDigest, right: StateDigest) {
    left.first &+= right.first
    left.second &+= right.second
  }

  public static func -= (left: inout StateDigest, right: StateDigest) {
    left.first &-= right.first
    left.second &-= right.second
  }
}

/// Canonical bytes: numbers big-endian, text as its length in 4 bytes and its UTF-8.
struct CanonicalBytes {
  private(set) var bytes: [UInt8] = []

  init(tag: UInt8) {
    bytes.reserveCapacity(64)
    bytes.append(tag)
  }

  mutating func append(_ id: Identifier) {
    append(id.high)
    append(id.low)
  }

  mutating func append(_ value: some FixedWidthInteger) {
    bytes.append(bigEndian: value)
  }

  mutating func append(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func append(_ text: String) {
    append(UInt32(truncatingIfNeeded: text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }
}

/// A 16-byte id: a user's, a device's, a habit's, a session's, a migration's.
public struct Identifier: Sendable, Hashable, Comparable {
  /// The size of an id, in bytes.
  public static let byteCount = 16
  /// Sixteen zero bytes: the owner of audit events without a user.
  public static let zero = Identifier(high: 0, low: 0)

  /// The first eight bytes, big-endian.
  public let high: UInt64
  /// The last eight bytes, big-endian.
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// An id of 16 bytes; nil for any other count.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    let words = bytes.span.bytes
    self.init(
      high: UInt64(bigEndian: unsafe words.unsafeLoadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: unsafe words.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  /// An id of 32 hexadecimal digits; nil for any other text.
  public init?(hexadecimal text: String) {
    guard text.utf8.count == 2 * Self.byteCount, !text.utf8.contains(UInt8(ascii: "+")),
      !text.utf8.contains(UInt8(ascii: "-")), let high = UInt64(text.prefix(Self.byteCount), radix: 16),
      let low = UInt64(text.suffix(Self.byteCount), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }

  /// The 16 bytes, in the order of the wire.
  public var bytes: [UInt8] {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
  }

  /// PostgreSQL's own order of the type uuid.
  public static func < (left: Identifier, right: Identifier) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension Identifier: CustomStringConvertible {
  /// 32 hexadecimal digits, without dashes.
  public var description: String {
    func digits(_ half: UInt64) -> String {
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return digits(high) + digits(low)
  }
}

internal import Cryptography
internal import struct StreakDomain.Identifier
internal import StreakStore

/// A place in a list as text that clients send back as it came.
///
/// It holds a kind, a digest of the filter it belongs to, and the last row's place: two numbers that a client cannot misuse, since
/// every list shows only the caller's own rows.
struct PageToken {
  /// Which list a token belongs to.
  enum Kind: UInt8 {
    case habits = 1
    case history = 2
  }

  private static let digestByteCount = 8
  private static let byteCount = 1 + digestByteCount + 4 + Identifier.byteCount

  let number: Int32
  let habitID: Identifier

  init(number: Int32, habitID: Identifier) {
    self.number = number
    self.habitID = habitID
  }

  /// Reads a token; nil if it was not made for this list and this filter.
  init?(_ text: String, kind: Kind, filter: [UInt8]) {
    guard let bytes = Base64URL.decode(text, byteCount: Self.byteCount), bytes[0] == kind.rawValue,
      Array(bytes[1...Self.digestByteCount]) == Self.digest(of: filter),
      let habitID = Identifier(Array(bytes.suffix(Identifier.byteCount)))
    else { return nil }
    let number = bytes.dropFirst(1 + Self.digestByteCount).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    self.init(number: Int32(bitPattern: number), habitID: habitID)
  }

  /// The token for a list with a filter, which is any bytes that say what the filter is.
  func text(kind: Kind, filter: [UInt8]) -> String {
    let number = UInt32(bitPattern: number)
    return Base64URL.encode(
      [kind.rawValue] + Self.digest(of: filter)
        + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } + habitID.bytes)
  }

  private static func digest(of filter: [UInt8]) -> [UInt8] {
    Array(SHA256.digest(of: filter).prefix(digestByteCount))
  }
}

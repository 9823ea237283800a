internal import Cryptography
internal import RPC
internal import struct StreakDomain.Identifier
internal import enum StreakDomain.Reason
internal import StreakStore

/// A place in a list as a text that clients send back unchanged.
///
/// It holds a kind, a digest of the filter that it belongs to, and the last row's place: two
/// numbers that a client cannot misuse, since every list shows only the caller's own rows.
struct PageToken {
  /// The list that a token belongs to.
  enum Kind: UInt8 {
    case habits = 1
    case history = 2
    case notices = 3
    case inbox = 4
  }

  private static let digestByteCount = 8
  private static let byteCount = 1 + digestByteCount + 8 + Identifier.byteCount

  let number: Int64
  let id: Identifier

  init(number: Int64, id: Identifier) {
    self.number = number
    self.id = id
  }

  /// The place that a request's token names; nil for the first page.
  ///
  /// - Throws: `PAGE_TOKEN_INVALID` if the token was made for another list or another filter.
  static func place(_ text: String, kind: Kind, filter: [UInt8]) throws(RPCStatus) -> PageToken? {
    guard !text.isEmpty else { return nil }
    guard let token = PageToken(text, kind: kind, filter: filter) else { throw Reason.pageTokenInvalid.status }
    return token
  }

  /// Reads a token; nil if it was made for another list or another filter.
  init?(_ text: String, kind: Kind, filter: [UInt8]) {
    guard let bytes = Base64URL.decode(text, byteCount: Self.byteCount), bytes[0] == kind.rawValue,
      Array(bytes[1...Self.digestByteCount]) == Self.digest(of: filter),
      let id = Identifier(Array(bytes.suffix(Identifier.byteCount)))
    else { return nil }
    let number = bytes.dropFirst(1 + Self.digestByteCount).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    self.init(number: Int64(bitPattern: number), id: id)
  }

  /// The token for a list with a filter; any bytes that identify the filter will do.
  func text(kind: Kind, filter: [UInt8]) -> String {
    Base64URL.encode([kind.rawValue] + Self.digest(of: filter) + [UInt8](bigEndian: number) + id.bytes)
  }

  private static func digest(of filter: [UInt8]) -> [UInt8] {
    Array(SHA256.digest(of: filter).prefix(digestByteCount))
  }
}

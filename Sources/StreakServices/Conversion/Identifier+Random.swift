internal import Cryptography
internal import struct StreakDomain.Identifier
internal import StreakStore

extension Identifier {
  /// A fresh random id.
  static func random() -> Identifier {
    guard let identifier = Identifier(randomBytes(count: byteCount)) else { preconditionFailure("16 bytes make an id") }
    return identifier
  }
}

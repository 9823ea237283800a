internal import Cryptography

extension Identifier {
  /// A fresh random id, for callers of the domain: none of its rules draws one.
  package static func random() -> Identifier {
    guard let identifier = Identifier(randomBytes(count: byteCount)) else { preconditionFailure("16 bytes make an id") }
    return identifier
  }
}

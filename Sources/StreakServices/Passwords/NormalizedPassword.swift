internal import Cryptography
internal import TextNormalization

/// A password in the one form in which it is checked, hashed and verified: Unicode's normalization
/// form KC.
///
/// Keyboards and systems write the same password in different code points: letters with their
/// accents as one character or two, in full or half width. NIST SP 800-63B asks verifiers to apply
/// NFKC or NFKD before hashing. Letter case and spaces are left as they are.
struct NormalizedPassword: Sendable {
  let secret: Secret

  init(_ password: String) {
    secret = password.compatibilityComposed.map { Secret($0) } ?? Secret(password)
  }

  var byteCount: Int { secret.exposed.count }
  /// Never to be shown.
  var text: String { String(decoding: secret.exposed, as: UTF8.self) }
}

internal import Cryptography

/// SHA-256 of what passes.
final class ByteHash: ByteSink {
  private var hash = SHA256()

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    hash.update(bytes)
    return true
  }

  /// The digest of everything so far.
  func finish() -> [UInt8] { hash.digest() }
}

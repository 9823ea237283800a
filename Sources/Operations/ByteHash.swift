internal import Cryptography

/// SHA-256 of the bytes written to it.
final class ByteHash: ByteSink {
  private var hash = SHA256()

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    hash.update(bytes)
    return true
  }

  /// The digest of the bytes so far.
  func finish() -> [UInt8] { hash.digest() }
}

internal import TLS

/// SHA-256 of the bytes written to it.
final class ByteHash: ByteSink {
  private let hash = BulkSHA256()

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    hash.update(bytes)
    return true
  }

  /// The digest. Call it once.
  func finish() -> [UInt8] { hash.finish() }
}

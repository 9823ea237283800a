internal import TLS

/// SHA-256 of what passes.
final class ByteHash: ByteSink {
  private let hash = BulkSHA256()

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    hash.update(bytes)
    return true
  }

  /// Ends the hash. To be called once.
  func finish() -> [UInt8] { hash.finish() }
}

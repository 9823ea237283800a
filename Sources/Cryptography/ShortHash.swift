internal import CSodium

/// SipHash-2-4 with 128 bits, for many small pieces of data. Two pieces are unlikely to have the
/// same hash by chance; under a secret key, an adversary cannot make such a pair either.
public struct ShortHash: Sendable {
  /// SipHash's two key words. Not one UInt128: with a UInt128 as a stored property, `Sync` called a
  /// null address (Swift 6.3, debug build).
  private var words: (low: UInt64, high: UInt64)

  /// The key's two words, the first in the low half.
  public var key: UInt128 {
    get { UInt128(words.high) << 64 | UInt128(words.low) }
    set { words = (UInt64(truncatingIfNeeded: newValue), UInt64(truncatingIfNeeded: newValue >> 64)) }
  }

  /// - Parameter key: 0, a public key, is enough where a collision gains a peer nothing.
  public init(key: UInt128 = 0) {
    words = (UInt64(truncatingIfNeeded: key), UInt64(truncatingIfNeeded: key >> 64))
  }

  public func callAsFunction(_ bytes: RawSpan) -> UInt128 {
    var key = key.littleEndian
    var hash: UInt128 = 0
    unsafe withUnsafeMutableBytes(of: &hash) { hash in
      unsafe withUnsafeBytes(of: &key) { key in
        unsafe bytes.withUnsafeBytes { bytes in
          // Empty data has no address: the key's address replaces it. These buffers are not empty,
          // so the call cannot fail.
          guard let hash = hash.baseAddress, let key = key.baseAddress else { return }
          _ = unsafe crypto_shorthash_siphashx24(hash, bytes.baseAddress ?? key, UInt64(bytes.count), key)
        }
      }
    }
    return UInt128(littleEndian: hash)
  }
}

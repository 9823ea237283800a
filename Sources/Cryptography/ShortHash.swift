internal import CSodium

/// SipHash-2-4 with 128 bits, for many small pieces of data: tells them apart by chance, and under
/// a secret key also from an adversary.
public struct ShortHash: Sendable {
  /// SipHash's two key words. Not one UInt128: with that as a stored property, `Sync` called a null
  /// address (Swift 6.3, debug build).
  private var words: (low: UInt64, high: UInt64)

  /// The key's two words, the first in the low half.
  public var key: UInt128 {
    get { UInt128(words.high) << 64 | UInt128(words.low) }
    set { words = (UInt64(truncatingIfNeeded: newValue), UInt64(truncatingIfNeeded: newValue >> 64)) }
  }

  /// - Parameter key: 0, a public key, where no peer gains by making two pieces look alike.
  public init(key: UInt128 = 0) {
    words = (UInt64(truncatingIfNeeded: key), UInt64(truncatingIfNeeded: key >> 64))
  }

  public func callAsFunction(_ bytes: RawSpan) -> UInt128 {
    var key = key.littleEndian
    var hash: UInt128 = 0
    unsafe withUnsafeMutableBytes(of: &hash) { hash in
      unsafe withUnsafeBytes(of: &key) { key in
        unsafe bytes.withUnsafeBytes { bytes in
          // Nothing to hash is at no address: the key's stands for it. These have one, and the call
          // cannot fail.
          guard let hash = hash.baseAddress, let key = key.baseAddress else { return }
          _ = unsafe crypto_shorthash_siphashx24(hash, bytes.baseAddress ?? key, UInt64(bytes.count), key)
        }
      }
    }
    return UInt128(littleEndian: hash)
  }
}

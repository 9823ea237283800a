internal import COpenSSL

/// SHA-256 (FIPS 180-4), of data in one piece or in several, by OpenSSL: it uses the processor's
/// own instructions, which libsodium does not. Measured: 0.2 s instead of 2.1 s of CPU for 400 MB.
public struct SHA256 {
  /// The size of a digest, in bytes.
  public static let digestByteCount = 32

  private var state = copenssl_sha256_state()

  public init() {
    unsafe copenssl_sha256_init(&state)
  }

  /// Hashes more bytes.
  public mutating func update(_ bytes: [UInt8]) {
    unsafe copenssl_sha256_update(&state, bytes, bytes.count)
  }

  /// Hashes more bytes.
  public mutating func update(_ bytes: ArraySlice<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe copenssl_sha256_update(&state, bytes.baseAddress, bytes.count)
    }
  }

  /// The digest of all bytes so far; further bytes may still be added.
  public func digest() -> [UInt8] {
    var state = state
    var digest = [UInt8](repeating: 0, count: Self.digestByteCount)
    unsafe copenssl_sha256_final(&state, &digest)
    return digest
  }

  /// The digest of `bytes`.
  public static func digest(of bytes: [UInt8]) -> [UInt8] {
    unsafe withDigest(of: bytes) { unsafe Array($0) }
  }

  /// The first 16 bytes of the digest of `bytes`.
  public static func leadingBytes(of bytes: [UInt8]) -> [UInt8] {
    unsafe withDigest(of: bytes) { unsafe Array($0[..<16]) }
  }

  /// The first 16 bytes of the digest of `bytes`, as two big-endian numbers.
  public static func leadingNumbers(of bytes: [UInt8]) -> (UInt64, UInt64) {
    unsafe withDigest(of: bytes) { digest in
      let (first, second) = unsafe (digest.load(as: UInt64.self), digest.load(fromByteOffset: 8, as: UInt64.self))
      return (UInt64(bigEndian: first), UInt64(bigEndian: second))
    }
  }

  /// Hashes without allocating memory.
  private static func withDigest<Value>(of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    var digest = (UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    return unsafe withUnsafeMutablePointer(to: &digest) { digest in
      unsafe digest.withMemoryRebound(to: UInt8.self, capacity: digestByteCount) { digest in
        var state = copenssl_sha256_state()
        unsafe copenssl_sha256_init(&state)
        unsafe copenssl_sha256_update(&state, bytes, bytes.count)
        unsafe copenssl_sha256_final(&state, digest)
        return unsafe body(UnsafeRawBufferPointer(start: digest, count: digestByteCount))
      }
    }
  }
}

internal import COpenSSL

/// SHA-1 (FIPS 180-4), by OpenSSL, for the published lists of breached passwords. Collisions can be
/// constructed: do not use it for anything else.
public enum SHA1 {
  /// The size of a digest, in bytes.
  public static let digestByteCount = 20

  /// The digest of `bytes`.
  public static func digest(of bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: digestByteCount)
    unsafe copenssl_sha1(bytes, bytes.count, &digest)
    return digest
  }
}

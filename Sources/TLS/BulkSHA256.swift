internal import COpenSSL

/// SHA-256 of large data, by OpenSSL: it uses the processor's SHA instructions, which libsodium
/// does not. Measured: 0.2 s instead of 2.1 s of CPU for 400 MB.
@safe public final class BulkSHA256 {
  private let context: OpaquePointer

  public init() {
    guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("no memory for a hash")
    }
    unsafe self.context = context
  }

  deinit { unsafe EVP_MD_CTX_free(context) }

  /// Hashes more bytes.
  public func update(_ bytes: ArraySlice<UInt8>) {
    let isTaken = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    precondition(isTaken == 1, "EVP_DigestUpdate")
  }

  /// The digest of all bytes, 32 bytes. Call it once; no bytes may be added afterwards.
  public func finish() -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let isMade = unsafe EVP_DigestFinal_ex(context, &digest, nil)
    precondition(isMade == 1, "EVP_DigestFinal_ex")
    return digest
  }
}

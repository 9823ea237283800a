internal import CSodium

/// Encrypted and authenticated bytes: only a holder of the sealing secrets can read them, and every
/// change is detected.
///
/// XChaCha20-Poly1305 under a key that BLAKE2b derives from secrets which are not stored beside the
/// box. The service seals replies that hold tokens under the request's own secrets. The stored
/// reply can be returned to a repeated request, and is useless to anyone else, including a thief of
/// the database.
public enum SealedBytes {
  /// The bytes that a box adds to its content: the nonce and the authenticator.
  public static let overheadByteCount =
    Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES) + Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)

  /// Derives a sealing key from a list of secrets. Each secret is preceded by its length, so that
  /// two different lists never give the same input.
  ///
  /// - Parameter purpose: Text that separates this use from every other.
  public static func key(purpose: String, secrets: [[UInt8]]) -> Secret {
    Sodium.start()
    var material: [UInt8] = []
    for part in [Array(purpose.utf8)] + secrets {
      material += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: part.count >> $0) }
      material += part
    }
    let keyByteCount = Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    var key = [UInt8](repeating: 0, count: keyByteCount)
    // Fails only for lengths outside BLAKE2b's range, which these constants are within.
    _ = unsafe crypto_generichash(&key, keyByteCount, material, UInt64(material.count), nil, 0)
    return Secret(key)
  }

  /// Seals `plain` under a key from `key(purpose:secrets:)` with a new nonce.
  public static func seal(_ plain: [UInt8], key: Secret) -> [UInt8] {
    let nonceByteCount = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    let nonce = randomBytes(count: nonceByteCount)
    var box = [UInt8](repeating: 0, count: plain.count + overheadByteCount - nonceByteCount)
    // libsodium's encryption cannot fail.
    _ = unsafe crypto_aead_xchacha20poly1305_ietf_encrypt(
      &box, nil, plain, UInt64(plain.count), nil, 0, nil, nonce, key.exposed)
    return nonce + box
  }

  /// The content of a box; nil if the key is another one or the box was changed.
  public static func open(_ sealed: [UInt8], key: Secret) -> [UInt8]? {
    Sodium.start()
    guard sealed.count >= overheadByteCount else { return nil }
    let nonceByteCount = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    let nonce = Array(sealed.prefix(nonceByteCount))
    let box = Array(sealed.dropFirst(nonceByteCount))
    var plain = [UInt8](repeating: 0, count: sealed.count - overheadByteCount)
    let result = unsafe crypto_aead_xchacha20poly1305_ietf_decrypt(
      &plain, nil, nil, box, UInt64(box.count), nil, 0, nonce, key.exposed)
    return result == 0 ? plain : nil
  }
}

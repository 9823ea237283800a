internal import CSodium

/// A key pair for signatures (Ed25519, RFC 8032): the secret key signs, the public key verifies.
public struct SigningKey: Sendable {
  /// The size of the seed that the pair is made from, in bytes.
  public static let seedByteCount = 32
  /// The size of the public part, in bytes.
  public static let publicKeyByteCount = 32
  /// The size of a signature, in bytes.
  public static let signatureByteCount = 64

  /// The secret seed of the key pair.
  public let seed: [UInt8]
  /// The key that verifies signatures; not secret.
  public let publicKey: [UInt8]
  private let secretKey: [UInt8]

  /// Makes a new key pair.
  public init() {
    self.init(checkedSeed: randomBytes(count: Self.seedByteCount))
  }

  /// The key pair of a seed; nil for a seed of another size.
  public init?(seed: [UInt8]) {
    guard seed.count == Self.seedByteCount else { return nil }
    self.init(checkedSeed: seed)
  }

  private init(checkedSeed seed: [UInt8]) {
    Sodium.start()
    var publicKey = [UInt8](repeating: 0, count: Self.publicKeyByteCount)
    var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_SECRETKEYBYTES))
    // Never fails for a seed of the right size.
    _ = unsafe crypto_sign_ed25519_seed_keypair(&publicKey, &secretKey, seed)
    self.seed = seed
    self.publicKey = publicKey
    self.secretKey = secretKey
  }

  /// The signature of a message.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: Self.signatureByteCount)
    _ = unsafe crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secretKey)
    return signature
  }

  /// Whether the owner of a public key has signed a message.
  public static func isGenuine(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
    guard signature.count == signatureByteCount, publicKey.count == publicKeyByteCount else { return false }
    Sodium.start()
    return unsafe crypto_sign_ed25519_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
  }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
  /// Without the secret, also in a dump of the value.
  public var description: String { "SigningKey(secret)" }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The keys of the server key's file: they encrypt the server key, which the database stores. A
/// database without the file, or a file without the database, is of no use.
///
/// While a key is being replaced there are two: the current one encrypts, both decrypt. Replacing
/// a key encrypts 32 bytes anew, and nothing else: cursors, tokens and recovery codes stay valid.
package struct KeyEncryptionKeys: Sendable, Equatable {
  /// The size of a key, in bytes.
  package static let keyByteCount = 32
  /// The most keys: the current and the previous one.
  package static let countMax = 2
  private static let purpose = "streak.v1.key-encryption.1"

  private let current: Secret
  private let previous: Secret?

  /// A server key that was decrypted.
  package struct Opened: Sendable {
    package let key: ServerKey
    /// The previous key decrypted it: it is to be encrypted anew.
    package let isByPrevious: Bool
  }

  /// One new key.
  package init() {
    self.init(current: Secret(randomBytes(count: Self.keyByteCount)), previous: nil)
  }

  /// The current key first; nil unless there are one or two different keys of 32 bytes.
  package init?(_ keys: [[UInt8]]) {
    guard let first = keys.first, keys.count <= Self.countMax, keys.allSatisfy({ $0.count == Self.keyByteCount }),
      Set(keys).count == keys.count
    else { return nil }
    self.init(current: Secret(first), previous: keys.dropFirst().first.map { Secret($0) })
  }

  private init(current: Secret, previous: Secret?) {
    self.current = current
    self.previous = previous
  }

  /// The keys, the current one first: for the file.
  package var exposed: [[UInt8]] { [current.exposed] + (previous.map { [$0.exposed] } ?? []) }

  package var hasPrevious: Bool { previous != nil }

  /// A new current key; the current one becomes the previous one.
  package var rotated: KeyEncryptionKeys {
    KeyEncryptionKeys(current: Secret(randomBytes(count: Self.keyByteCount)), previous: current)
  }

  /// The current key alone.
  package var withoutPrevious: KeyEncryptionKeys { KeyEncryptionKeys(current: current, previous: nil) }

  /// Encrypts a server key under the current key.
  package func encrypt(_ key: ServerKey) -> [UInt8] {
    SealedBytes.seal(key.exposedRoot, key: Self.sealingKey(current))
  }

  /// Decrypts a server key; nil if none of the keys encrypted it.
  package func decrypt(_ sealed: [UInt8]) -> Opened? {
    for (secret, isByPrevious) in [(current, false)] + (previous.map { [($0, true)] } ?? []) {
      if let root = SealedBytes.open(sealed, key: Self.sealingKey(secret)), let key = ServerKey(root: root) {
        return Opened(key: key, isByPrevious: isByPrevious)
      }
    }
    return nil
  }

  private static func sealingKey(_ secret: Secret) -> Secret {
    SealedBytes.key(purpose: purpose, secrets: [secret.exposed])
  }

  package static func == (left: KeyEncryptionKeys, right: KeyEncryptionKeys) -> Bool { left.exposed == right.exposed }
}

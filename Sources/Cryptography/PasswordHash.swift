internal import CSodium

/// The cost of an Argon2id hash. Every hash stores its cost, so that old hashes stay verifiable
/// when the cost rises.
public struct PasswordHashCost: Sendable, Equatable {
  /// Passes over the memory, 1 or more.
  public let passes: UInt64
  /// Memory, in bytes, 8192 or more, allocated while a hash is computed.
  public let memoryBytes: Int

  /// The smallest memory that libsodium accepts, in bytes.
  public static let memoryBytesMin = 8192

  public init(passes: UInt64, memoryBytes: Int) {
    precondition(passes >= 1 && memoryBytes >= Self.memoryBytesMin, "Argon2id needs a pass and 8 KiB")
    self.passes = passes
    self.memoryBytes = memoryBytes
  }

  /// 64 MiB and two passes: libsodium's recommendation for sign-ins over a network
  /// (`crypto_pwhash_*_INTERACTIVE`), and more than three times the minimum of the OWASP Password
  /// Storage Cheat Sheet.
  public static let standard = PasswordHashCost(
    passes: UInt64(crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE),
    memoryBytes: Int(crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE))
  /// The passes of `standard` over another amount of memory.
  /// - Parameter mebibytes: 1 or more. The OWASP Password Storage Cheat Sheet asks for at least 19.
  public static func memory(mebibytes: Int) -> PasswordHashCost {
    PasswordHashCost(passes: standard.passes, memoryBytes: mebibytes << 20)
  }
}

/// The memory for hashing or verifying a password could not be allocated.
public struct PasswordHashOutOfMemory: Error {}

/// A salted Argon2id hash of a password, as text that includes its cost (the reference
/// implementation's encoding).
public struct PasswordHash: Sendable, Equatable {
  /// The text to store: 127 ASCII characters or fewer.
  public let text: String

  /// A hash read from storage.
  public init(text: String) {
    self.text = text
  }

  /// Hashes a password with a new salt. Blocks its thread for as long as hashing takes: never call
  /// it on an event loop.
  ///
  /// - Throws: `PasswordHashOutOfMemory` if the cost's memory cannot be allocated.
  public init(of password: Secret, cost: PasswordHashCost) throws(PasswordHashOutOfMemory) {
    Sodium.start()
    var encoded = [CChar](repeating: 0, count: Int(crypto_pwhash_argon2id_STRBYTES))
    let passwordBytes = password.exposed.map { CChar(bitPattern: $0) }
    let result = unsafe crypto_pwhash_argon2id_str(
      &encoded, passwordBytes, UInt64(passwordBytes.count), cost.passes, cost.memoryBytes)
    guard result == 0 else { throw PasswordHashOutOfMemory() }
    text = String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether it was made with `cost`; false for text that is not a hash.
  public func costs(_ cost: PasswordHashCost) -> Bool {
    guard let encoded else { return false }
    return unsafe crypto_pwhash_argon2id_str_needs_rehash(encoded, cost.passes, cost.memoryBytes) == 0
  }

  /// Whether `password` is the one that was hashed. Blocks its thread as hashing does.
  ///
  /// Returns false for text that is not a hash, and when memory runs out.
  public func matches(_ password: Secret) -> Bool {
    Sodium.start()
    guard let encoded else { return false }
    let passwordBytes = password.exposed.map { CChar(bitPattern: $0) }
    return unsafe crypto_pwhash_argon2id_str_verify(encoded, passwordBytes, UInt64(passwordBytes.count)) == 0
  }

  /// The text in libsodium's form; nil if it is too long for a hash.
  private var encoded: [CChar]? {
    let maximum = Int(crypto_pwhash_argon2id_STRBYTES)
    guard text.utf8.count < maximum else { return nil }
    return text.utf8.map { CChar(bitPattern: $0) } + [CChar](repeating: 0, count: maximum - text.utf8.count)
  }
}

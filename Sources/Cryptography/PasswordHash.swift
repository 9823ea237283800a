internal import CSodium

/// What an Argon2id hash costs. It is stored inside every hash, so that old hashes stay verifiable
/// when it rises.
public struct PasswordHashCost: Sendable, Equatable {
  /// Passes over the memory, 1 or more.
  public let passes: UInt64
  /// Memory, in bytes, 8192 or more, taken while a hash is computed.
  public let memoryBytes: Int

  /// The smallest memory that libsodium accepts, in bytes.
  public static let memoryBytesMin = 8192

  public init(passes: UInt64, memoryBytes: Int) {
    precondition(passes >= 1 && memoryBytes >= Self.memoryBytesMin, "Argon2id needs a pass and 8 KiB")
    self.passes = passes
    self.memoryBytes = memoryBytes
  }

  /// 64 MiB and two passes: what libsodium recommends for sign-ins over a network
  /// (`crypto_pwhash_*_INTERACTIVE`), and more than thrice the least that the OWASP Password
  /// Storage Cheat Sheet allows.
  public static let standard = PasswordHashCost(
    passes: UInt64(crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE),
    memoryBytes: Int(crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE))
  /// The cheapest that libsodium accepts: for tests that hash often.
  public static let cheapest = PasswordHashCost(passes: 1, memoryBytes: memoryBytesMin)
}

/// Why a password could not be hashed or verified: the machine had no memory for it.
public struct PasswordHashOutOfMemory: Error {}

/// A salted Argon2id hash of a password, as text that names its own cost (the reference
/// implementation's encoding).
public struct PasswordHash: Sendable, Equatable {
  /// The text to store: 127 ASCII characters or fewer.
  public let text: String

  /// A hash read from storage.
  public init(text: String) {
    self.text = text
  }

  /// Hashes a password with a fresh salt. Blocks its thread for the cost's time: never call it on
  /// an event loop.
  ///
  /// - Throws: `PasswordHashOutOfMemory` if the cost's memory cannot be had.
  public init(of password: Secret, cost: PasswordHashCost) throws(PasswordHashOutOfMemory) {
    Sodium.start()
    var encoded = [CChar](repeating: 0, count: Int(crypto_pwhash_argon2id_STRBYTES))
    let passwordBytes = password.exposed.map { CChar(bitPattern: $0) }
    let result = unsafe crypto_pwhash_argon2id_str(
      &encoded, passwordBytes, UInt64(passwordBytes.count), cost.passes, cost.memoryBytes)
    guard result == 0 else { throw PasswordHashOutOfMemory() }
    text = String(decoding: encoded.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Whether it was made at `cost`. Text that is no hash was not.
  public func costs(_ cost: PasswordHashCost) -> Bool {
    guard let encoded else { return false }
    return unsafe crypto_pwhash_argon2id_str_needs_rehash(encoded, cost.passes, cost.memoryBytes) == 0
  }

  /// Whether `password` is the one this hash was made of. Blocks its thread like hashing does.
  ///
  /// A hash that is not one, and a lack of memory, count as "no": nobody gets in by mistake.
  public func matches(_ password: Secret) -> Bool {
    Sodium.start()
    guard let encoded else { return false }
    let passwordBytes = password.exposed.map { CChar(bitPattern: $0) }
    return unsafe crypto_pwhash_argon2id_str_verify(encoded, passwordBytes, UInt64(passwordBytes.count)) == 0
  }

  /// The text as libsodium reads it; nil if it is too long for a hash.
  private var encoded: [CChar]? {
    let maximum = Int(crypto_pwhash_argon2id_STRBYTES)
    guard text.utf8.count < maximum else { return nil }
    return text.utf8.map { CChar(bitPattern: $0) } + [CChar](repeating: 0, count: maximum - text.utf8.count)
  }
}

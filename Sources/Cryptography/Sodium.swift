internal import CSodium

/// Initialises libsodium, once per process. Every call that needs libsodium calls `Sodium.start()`
/// first.
enum Sodium {
  private static let isReady: Bool = sodium_init() >= 0

  /// Initialises libsodium at the first call; later calls are cheap.
  static func start() {
    // sodium_init fails only if the operating system has no source of randomness.
    precondition(isReady, "libsodium cannot start: no source of randomness")
  }
}

/// Random bytes fit for keys, tokens and ids, from the operating system's generator.
public func randomBytes(count: Int) -> [UInt8] {
  Sodium.start()
  var bytes = [UInt8](repeating: 0, count: count)
  unsafe randombytes_buf(&bytes, count)
  return bytes
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
public func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  guard left.count == right.count else { return false }
  return unsafe sodium_memcmp(left, right, left.count) == 0
}

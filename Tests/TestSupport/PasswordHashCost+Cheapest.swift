package import Cryptography

extension PasswordHashCost {
  /// The lowest cost that libsodium accepts: for tests that hash often.
  package static let cheapest = PasswordHashCost(passes: 1, memoryBytes: memoryBytesMin)
}

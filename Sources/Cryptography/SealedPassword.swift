extension ServerKey {
  private static let passwordPurpose = "password"

  /// Seals the hash of a person's password: without the server key a copy of the database allows no
  /// guesses of the password. The box opens only as this person's.
  ///
  /// - Parameter owner: The person's id.
  package func sealPassword(_ hash: PasswordHash, of owner: [UInt8]) -> [UInt8] {
    SealedBytes.seal(Array(hash.text.utf8), key: passwordKey(of: owner))
  }

  /// The hash in a box; nil if it is another person's, was sealed under another server key, or was
  /// changed.
  package func openPassword(_ sealed: [UInt8], of owner: [UInt8]) -> PasswordHash? {
    SealedBytes.open(sealed, key: passwordKey(of: owner)).map {
      PasswordHash(text: String(decoding: $0, as: UTF8.self))
    }
  }

  private func passwordKey(of owner: [UInt8]) -> Secret {
    SealedBytes.key(purpose: "streak.v1.server.password", secrets: [key(for: Self.passwordPurpose).exposed, owner])
  }
}

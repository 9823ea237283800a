internal import Cryptography
internal import struct StreakDomain.Identifier
internal import StreakStore

/// Seals what is secret in the outbox's rows, and hashes codes, which are short: under the server
/// key, which the database alone does not reveal.
struct MailSeal: Sendable {
  private static let (mailPurpose, codePurpose) = ("mail", "mail code")

  let store: StreakStore

  /// The box opens only as this mail's.
  func seal(_ plain: [UInt8], of mailID: Identifier) -> [UInt8] {
    SealedBytes.seal(plain, key: key(of: mailID))
  }

  /// Nil if it was sealed under another key, or changed.
  func open(_ sealed: [UInt8], of mailID: Identifier) -> [UInt8]? {
    SealedBytes.open(sealed, key: key(of: mailID))
  }

  private func key(of mailID: Identifier) -> Secret {
    SealedBytes.key(
      purpose: Self.mailPurpose, secrets: [store.serverKey.key(for: Self.mailPurpose).exposed, mailID.bytes])
  }

  /// - Parameter owner: The account, or the address of a person without one.
  func codeHash(_ code: String, of owner: [UInt8]) -> [UInt8] {
    store.serverKey.hash([owner, Array(code.utf8)], purpose: Self.codePurpose)
  }
}

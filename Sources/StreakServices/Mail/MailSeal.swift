internal import Cryptography
internal import struct StreakDomain.Identifier
internal import StreakStore

/// Seals what is secret in the outbox's rows, and hashes codes, which are short: with a key that
/// their tables do not hold.
protocol MailSeal: Sendable {
  func seal(_ plain: [UInt8], of mailID: Identifier) -> [UInt8]
  /// Nil if it was sealed under another key, or changed.
  func open(_ sealed: [UInt8], of mailID: Identifier) -> [UInt8]?
  /// - Parameter owner: The account, or the address of a person without one.
  func codeHash(_ code: String, of owner: [UInt8]) -> [UInt8]
}

/// Seals under the database's own secret.
struct DatabaseSecretSeal: MailSeal {
  let store: StreakStore

  private func key(_ mailID: Identifier) -> Secret {
    SealedBytes.key(purpose: "mail", secrets: [store.serverSecret, mailID.bytes])
  }

  func seal(_ plain: [UInt8], of mailID: Identifier) -> [UInt8] { SealedBytes.seal(plain, key: key(mailID)) }

  func open(_ sealed: [UInt8], of mailID: Identifier) -> [UInt8]? { SealedBytes.open(sealed, key: key(mailID)) }

  func codeHash(_ code: String, of owner: [UInt8]) -> [UInt8] {
    SealedBytes.key(purpose: "mail code", secrets: [store.serverSecret, owner, Array(code.utf8)]).exposed
  }
}

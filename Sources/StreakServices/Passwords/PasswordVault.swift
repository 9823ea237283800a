internal import Cryptography
internal import EventLoop
internal import RPC
internal import struct StreakDomain.Identifier
internal import StreakStore

/// Makes and verifies what is stored of people's passwords: an Argon2id hash, sealed under the
/// server key. The only place where a password is compared.
struct PasswordVault: Sendable {
  let queue: PasswordQueue
  let store: StreakStore

  /// What is stored of a new password.
  ///
  /// - Throws: As `PasswordQueue.hash(_:of:on:)`.
  func seal(
    _ password: NormalizedPassword, of userID: Identifier, as party: FairQueue.Party, on loop: EventLoop
  ) async throws(RPCStatus) -> [UInt8] {
    let hash = try await queue.hash(password.secret, of: party, on: loop)
    return store.serverKey.sealPassword(hash, of: userID.bytes)
  }

  /// Whether a password is the person's. Without a person, and for a password that was sealed under
  /// a server key that is lost, the answer is no, after the same time.
  ///
  /// - Throws: As `PasswordQueue.hash(_:of:on:)`.
  func verify(
    _ password: NormalizedPassword, of user: UserRecord?, as party: FairQueue.Party, on loop: EventLoop
  ) async throws(RPCStatus) -> Bool {
    try await queue.verify(password.secret, against: user.flatMap { hash(of: $0) }, of: party, on: loop)
  }

  /// What to store instead of a password that was right and has a hash of another cost; nil if
  /// nothing is to be stored now.
  func renewal(
    _ password: NormalizedPassword, of user: UserRecord, as party: FairQueue.Party, on loop: EventLoop
  ) async -> [UInt8]? {
    guard let stored = hash(of: user) else { return nil }
    let renewed = await queue.renewal(of: stored, password.secret, of: party, on: loop)
    return renewed.map { store.serverKey.sealPassword($0, of: user.userID.bytes) }
  }

  private func hash(of user: UserRecord) -> PasswordHash? {
    store.serverKey.openPassword(user.sealedPassword, of: user.userID.bytes)
  }
}

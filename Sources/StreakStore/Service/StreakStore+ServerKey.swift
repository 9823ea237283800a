package import Cryptography
internal import Postgres

/// The store has no server key.
package enum ServerKeyError: Error, Equatable {
  /// The database's server key is encrypted under another key-encryption key.
  case doesNotFit
  case store(StoreError)
}

extension StreakStore {
  private static let readServerKey = Statement(.read, "SELECT sealed FROM server_key")
  private static let insertServerKey = Statement(
    .write, "INSERT INTO server_key (sealed) VALUES ($1) ON CONFLICT (is_only_row) DO NOTHING")
  private static let renewServerKey = Statement(
    .write, "UPDATE server_key SET sealed = $2, sealed_at = now() WHERE sealed = $1")

  /// Whether the database has a server key.
  package func hasServerKey() async throws(StoreError) -> Bool { try await sealedServerKey() != nil }

  private func sealedServerKey() async throws(StoreError) -> [UInt8]? {
    try await database.row(Self.readServerKey) { row throws(DatabaseError) in try row.bytes(0) }
  }

  /// Reads the server key, which the store then uses. Call it before any call is served.
  ///
  /// - Parameters:
  ///   - keys: Decrypt it.
  ///   - isOwner: The store's role may write the key. A database without one gets a new one; one
  ///     that the previous key-encryption key encrypted is encrypted under the current one.
  /// - Returns: Whether the key was made or encrypted anew.
  @discardableResult
  package func openServerKey(_ keys: KeyEncryptionKeys, isOwner: Bool) async throws(ServerKeyError) -> Bool {
    let stored: (sealed: [UInt8]?, isNew: Bool)
    do throws(StoreError) {
      stored = try await sealedServerKey(makingBy: isOwner ? keys : nil)
    } catch {
      throw .store(error)
    }
    guard let sealed = stored.sealed else { throw .store(.fault(reason: "the database has no server key")) }
    guard let opened = keys.decrypt(sealed) else { throw .doesNotFit }
    var isRenewed = false
    if isOwner, opened.isByPrevious {
      do throws(StoreError) {
        // No row: another program was first.
        isRenewed =
          try await database.execute(Self.renewServerKey, .bytes(sealed), .bytes(keys.encrypt(opened.key))) == 1
      } catch {
        throw .store(error)
      }
    }
    currentEpoch.set(serverKey: opened.key)
    return stored.isNew || isRenewed
  }

  /// - Parameter keys: Encrypt a new key, if there is none; nil: none is made.
  private func sealedServerKey(
    makingBy keys: KeyEncryptionKeys?
  ) async throws(StoreError) -> (sealed: [UInt8]?, isNew: Bool) {
    if let sealed = try await sealedServerKey() { return (sealed, false) }
    guard let keys else { return (nil, false) }
    // Another program may be first.
    let isNew = try await database.execute(Self.insertServerKey, .bytes(keys.encrypt(ServerKey()))) == 1
    return (try await sealedServerKey(), isNew)
  }
}

internal import Cryptography
internal import RPC
internal import StreakDomain
package import StreakStore

/// Notes erasures in the erasure ledger outside of the database. An erasure is answered once it has
/// been noted, or once noting it has failed: the database has the erasure, and the program that
/// keeps the ledger notes it later.
package struct ErasureSink: Sendable {
  let note: @Sendable (ErasureRecords) async -> Void

  package init(_ note: @escaping @Sendable (ErasureRecords) async -> Void) {
    self.note = note
  }

  /// There is no ledger outside of the database.
  package static let none = ErasureSink { _ in }
}

extension StreakStore {
  /// The refusal for the bearer of an unknown token. It says that the account was erased, if it
  /// was; for a genuine token of another account it says that this server does not know the
  /// account.
  func refusalOfUnknownToken(
    of userID: Identifier, _ token: OpaqueToken? = nil
  ) async throws(RPCStatus) -> RPCStatus {
    let isErased = try await mappingStoreErrors { () throws(StoreError) -> Bool in try await self.isErased(userID) }
    if isErased { return Reason.accountErased.status }
    guard let token, token.isGenuine(by: serverKey.tokenProof) else {
      return Reason.credentialsInvalid.status
    }
    let user = try await mappingStoreErrors { () throws(StoreError) in try await self.user(userID) }
    return user == nil ? Reason.accountUnknown.status : Reason.credentialsInvalid.status
  }
}

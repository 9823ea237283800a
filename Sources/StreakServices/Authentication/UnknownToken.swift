internal import Cryptography
internal import RPC
internal import StreakDomain
internal import StreakStore

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

internal import RPC
internal import StreakDomain
public import StreakStore

/// Who keeps the erasure ledger outside of the database. An erasure is answered once it has been noted, or once that has failed: the database
/// knows it, and whoever keeps the ledger makes up for it.
public struct ErasureSink: Sendable {
  let note: @Sendable (ErasureRecords) async -> Void

  public init(_ note: @escaping @Sendable (ErasureRecords) async -> Void) {
    self.note = note
  }

  /// There is no ledger outside of the database.
  public static let none = ErasureSink { _ in }
}

extension StreakStore {
  /// What the bearer of a token that nobody knows is told: that the account was erased, if it was.
  func refusalOfUnknownToken(of userID: Identifier) async throws(RPCStatus) -> RPCStatus {
    let isErased = try await answering { () throws(StoreError) -> Bool in try await self.isErased(userID) }
    return isErased ? Refusal.accountErased.status : Refusal.credentialsInvalid.status
  }
}

internal import EventLoop
internal import RPC
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import StreakStore

/// Erases an account, and notes it in the erasure ledger.
struct AccountErasure: Sendable {
  let store: StreakStore
  let erasures: ErasureRecorder

  /// - Parameters:
  ///   - event: The audit event that is kept. It must not lead to the person.
  ///   - person: The person that erases the account; nil: no proof of the person is needed.
  /// - Returns: False if there is no such account.
  func perform(
    _ userID: Identifier, at now: Instant, _ event: AuditEventRecord, by person: ProvenPerson? = nil,
    on loop: EventLoop
  ) async throws(RPCStatus) -> Bool {
    let (store, erasures) = (self.store, self.erasures)
    // A task of its own: a cancelled call must not end between the erasure and its note in the
    // ledger.
    return try await Task(executorPreference: loop) { () -> Result<Bool, RPCStatus> in
      do throws(RPCStatus) {
        let records = try await mappingStoreErrors { () throws(StoreError) in
          try await store.erase(userID, at: now, event, by: person)
        }
        if let records { await erasures.note(records) }
        return .success(records != nil)
      } catch {
        return .failure(error)
      }
    }.value.get()
  }
}

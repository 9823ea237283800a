internal import EventLoop
internal import RPC
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import StreakStore

/// Performs the deletions that people announced, once their date has come. Any number of servers
/// may do so at once: each account is erased by one of them.
struct AnnouncedDeletions: Sendable {
  /// The method that the event of an erasure names.
  static let method = "AccountService/DeleteAccount"
  /// Accounts in one round.
  static let perRoundMax: Int32 = 100

  let store: StreakStore
  let erasures: ErasureRecorder

  /// - Returns: How many accounts this server erased.
  /// - Throws: An error that ends the round; or the first of an account that cannot be erased,
  ///   after all others have had their turn.
  func perform(at now: Instant) async throws(StoreError) -> Int {
    var count = 0
    var failed: [Identifier] = []
    var failure: StoreError?
    while true {
      let due = try await store.dueDeletions(at: now, besides: failed, countMax: Self.perRoundMax)
      for userID in due {
        do throws(StoreError) {
          if try await perform(userID, at: now) { count += 1 }
        } catch {
          guard error.isOfStatement || error == .concurrentChange else { throw error }
          failed.append(userID)
          failure = failure ?? error
        }
      }
      guard due.count == Int(Self.perRoundMax) else { break }
    }
    if let failure { throw failure }
    return count
  }

  /// - Returns: Whether this server erased the account.
  private func perform(_ userID: Identifier, at now: Instant) async throws(StoreError) -> Bool {
    // The event has no user: what is kept of an erasure must not lead to the person.
    let event = AuditEventRecord(
      userID: nil, occurredAt: .now(), method: Self.method, outcome: "OK", reason: "", deviceID: nil,
      peerAddress: "", detail: "")
    guard let records = try await store.erase(userID, at: .now(), event, dueAt: now) else { return false }
    await erasures.note(records)
    return true
  }
}

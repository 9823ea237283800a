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
  func perform(at now: Instant) async throws(StoreError) -> Int {
    var count = 0
    while true {
      let due = try await store.dueDeletions(at: now, countMax: Self.perRoundMax)
      for userID in due {
        // The event has no user: what is kept of an erasure must not lead to the person.
        let event = AuditEventRecord(
          userID: nil, occurredAt: .now(), method: Self.method, outcome: "OK", reason: "", deviceID: nil,
          peerAddress: "", detail: "")
        guard let records = try await store.erase(userID, at: .now(), event, dueAt: now) else { continue }
        await erasures.note(records)
        count += 1
      }
      guard due.count == Int(Self.perRoundMax) else { return count }
    }
  }
}

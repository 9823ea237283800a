internal import Postgres
public import StreakDomain

/// The result of verifying the audit chains.
public struct AuditVerification: Sendable, Equatable {
  /// A broken chain.
  public struct Fault: Sendable, Equatable {
    public let userID: Identifier
    /// The first break as text, such as "event 3 is missing".
    public let description: String
  }

  public var peopleCount: Int64 = 0
  public var eventCount: Int64 = 0
  /// The first break of each broken chain, at most `faultsMax` of them.
  public var faults: [Fault] = []
  /// Broken chains, listed or not.
  public var faultCount: Int64 = 0

  /// Most faults that are listed.
  public static let faultsMax = 1_000

  mutating func note(_ fault: AuditChain.Break, of userID: Identifier) {
    faultCount += 1
    if faults.count < Self.faultsMax { faults.append(Fault(userID: userID, description: "\(fault)")) }
  }
}

extension StreakStore {
  private static let trailHead = Selection([AuditHeadColumn.number, .hash, .baseNumber, .baseHash], from: 1)
  private static let trailEvent = Selection(AuditColumn.shown + [.hash], from: trailHead.end)

  // Every account has at least the event of its sign-up, so users without any row here are checked
  // too. The number 0 marks an event without a chain; a user with a chain has no such event.
  private static let auditTrails = CursorStatement(
    """
    SELECT p.user_id, \(trailHead.list(of: "h")), \(trailEvent.list(of: "e"))
    FROM (SELECT user_id FROM users UNION SELECT user_id FROM audit_heads UNION
        SELECT user_id FROM audit_events WHERE number > 0 OR hash IS NOT NULL) p
      LEFT JOIN audit_heads h ON h.user_id = p.user_id
      LEFT JOIN audit_events e ON e.user_id = p.user_id
    WHERE $1::uuid IS NULL OR p.user_id = $1
    ORDER BY p.user_id, e.number, e.event_id
    """, rowsPerChunk: 500)

  private struct TrailRow {
    let userID: Identifier
    let head: (number: Int64, hash: [UInt8])?
    let base: (number: Int64, hash: [UInt8])?
    let event: AuditEventRecord?
    let hash: [UInt8]?
  }

  /// Verifies the chain of one user, or of all users, in one snapshot.
  public func verifyAudit(of userID: Identifier? = nil) async throws(StoreError) -> AuditVerification {
    try await transaction(.snapshot) { transaction throws(StoreError) in
      var verification = AuditVerification()
      var chain = AuditChain()
      var current: TrailRow?
      var isBroken = false
      func endPerson() {
        guard let current, !isBroken, let fault = chain.end(current.head) else { return }
        verification.note(fault, of: current.userID)
      }
      do throws(DatabaseError) {
        try await transaction.open(Self.auditTrails, .identifier(userID))
        while true {
          let rows = try await transaction.nextChunk(Self.auditTrails).map { row throws(DatabaseError) in
            try Self.trailRow(row)
          }
          guard !rows.isEmpty else { break }
          for row in rows {
            if row.userID != current?.userID {
              endPerson()
              (chain, isBroken) = (AuditChain(base: row.base), false)
              verification.peopleCount += 1
            }
            current = row
            guard let event = row.event else { continue }
            verification.eventCount += 1
            if !isBroken, let fault = chain.take(event, hash: row.hash) {
              verification.note(fault, of: row.userID)
              isBroken = true
            }
          }
        }
      } catch {
        throw StoreError(error)
      }
      endPerson()
      return .commit(verification)
    }
  }

  private static func trailRow(_ row: borrowing Row) throws(DatabaseError) -> TrailRow {
    let userID = try row.identifier(0)
    var head: (number: Int64, hash: [UInt8])?
    var base: (number: Int64, hash: [UInt8])?
    if let number = try row.int64OrNull(trailHead[.number]) {
      head = (number, try row.bytes(trailHead[.hash]))
      base = (try row.int64(trailHead[.baseNumber]), try row.bytes(trailHead[.baseHash]))
    }
    let hasEvent = try row.int64OrNull(trailEvent[.number]) != nil
    return TrailRow(
      userID: userID, head: head, base: base, event: hasEvent ? try row.auditEvent(trailEvent, of: userID) : nil,
      hash: try row.bytesOrNull(trailEvent[.hash]))
  }
}

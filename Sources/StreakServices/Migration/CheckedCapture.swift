internal import Cryptography
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// A session's claim whose capture has been checked as a whole: every field is valid, and the
/// manifest matches.
struct CheckedCapture: Sendable {
  let claim: SessionClaim
  let sessionID: Identifier
  let migrationID: Identifier
  /// SHA-256 of the secret that was presented.
  let secretHash: [UInt8]
  let captured: StreakDomain.CapturedSession

  /// The capture is so large that another thread checks it.
  var isLarge: Bool { captured.entries.count > LargeWork.smallEntriesMax }

  /// Checks a claim, a large one in the thread pool.
  static func check(_ claim: SessionClaim?, by work: LargeWork) async throws(RPCStatus)
    -> CheckedCapture
  {
    let isLarge = (claim?.captured?.entries.count ?? 0) > LargeWork.smallEntriesMax
    return try await work.run(isLarge: isLarge) { () -> Result<CheckedCapture, RPCStatus> in
      do throws(RPCStatus) {
        return .success(try CheckedCapture(claim))
      } catch {
        return .failure(error)
      }
    }.get()
  }

  /// - Throws: Refusals of fields, `PARTIAL_CAPTURE` and `CAPTURE_CORRUPT`.
  init(_ claim: SessionClaim?) throws(RPCStatus) {
    guard let claim else { throw Reason.invalidField("session", "is required") }
    captured = try Self.checked(claim.captured, path: "session.captured")
    self.claim = claim
    secretHash = SHA256.digest(of: claim.sessionSecret)
    sessionID = try identifier(claim.sessionId, "session.session_id")
    migrationID = try identifier(claim.migrationId, "session.migration_id")
  }

  /// Checks a capture by the rules of a migration: what a stash keeps can be migrated.
  ///
  /// - Parameter path: The request's field that holds it.
  /// - Throws: Refusals of fields, `PARTIAL_CAPTURE` and `CAPTURE_CORRUPT`.
  static func checked(
    _ message: Schema.CapturedSession?, path: String
  ) throws(RPCStatus) -> StreakDomain.CapturedSession {
    guard let message else { throw Reason.invalidField(path, "is required") }
    let captured = try reading { () throws(InvalidField) in try StreakDomain.CapturedSession(message, path: path) }
    if let refusal = captured.refusal(sha256: SHA256.digest(of:)) { throw refusal.status }
    return captured
  }
}

extension MigrationPlan {
  /// The detail of a migration's audit event: the session, and how often each rule applied.
  func auditDetail(sessionID: Identifier, unanchored: Bool) -> String {
    let rules = findings.map { "\($0.rule.name)=\($0.count)" }
    return (["session=\(sessionID)", "unanchored=\(unanchored)"] + rules).joined(separator: " ")
  }
}

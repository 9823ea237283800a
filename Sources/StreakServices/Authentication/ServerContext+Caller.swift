internal import RPC
internal import StreakStore

/// The caller of a call, or the person that it concerns, as far as they are known.
extension ServerContext {
  /// The person.
  var principal: Principal? {
    get { self[Principal.self] }
    set { self[Principal.self] = newValue }
  }

  /// The anonymous session.
  var session: SessionRecord? {
    get { self[SessionRecord.self] }
    set { self[SessionRecord.self] = newValue }
  }

  /// The operator.
  var operatorCaller: Operator? {
    get { self[Operator.self] }
    set { self[Operator.self] = newValue }
  }

  /// What the handler leaves for the audit event.
  var audit: CallAudit {
    get { self[CallAudit.self] ?? CallAudit() }
    set { self[CallAudit.self] = newValue }
  }

  /// The call has revoked tokens of its principal.
  var hasRevokedTokens: Bool {
    get { self[RevokedTokens.self] != nil }
    set { self[RevokedTokens.self] = newValue ? RevokedTokens() : nil }
  }

  /// Nothing is known.
  var isUnauthenticated: Bool { principal == nil && session == nil && operatorCaller == nil }
}

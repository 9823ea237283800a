/// What a call's handler leaves for the audit event of the call.
struct CallAudit: Sendable {
  /// The detail of the event beyond the outcome. Never a secret. Nil: there is none but an
  /// operator's name.
  var detail: String?
  /// The event needs no storing any more: the handler has stored it together with its change, or
  /// the call is one of a flood.
  var isStored = false
}

/// A call has revoked tokens of the person that it concerns.
struct RevokedTokens: Sendable {}

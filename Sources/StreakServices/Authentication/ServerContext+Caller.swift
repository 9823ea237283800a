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

  /// Nothing is known.
  var isUnauthenticated: Bool { principal == nil && session == nil && operatorCaller == nil }
}

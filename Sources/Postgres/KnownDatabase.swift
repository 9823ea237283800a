import Synchronization

/// The one database that all connections of a process lead to, shared by all pools and listeners of
/// one configuration. Any thread.
public final class KnownDatabase: Sendable {
  /// Most servers whose refusal is kept.
  static let refusalsMax = 16

  private struct State {
    var identityGuard = IdentityGuard()
    /// By server, as `host:port`.
    var refusals: [String: String] = [:]

    mutating func judge(_ found: DatabaseIdentity, server: String) -> IdentityGuard.Verdict {
      let verdict = identityGuard.judge(found)
      switch verdict {
      case .known, .first, .newerTimeline: refusals[server] = nil
      case .refused(let refusal):
        if refusals.count < KnownDatabase.refusalsMax || refusals[server] != nil { refusals[server] = "\(refusal)" }
      }
      return verdict
    }
  }
  private let state = Mutex(State())
  private let currentGeneration = Atomic<Int>(0)

  public init() {}

  /// The database in use; nil before the first connection, and where the server does not report its
  /// identity.
  public var identity: DatabaseIdentity? { state.withLock { $0.identityGuard.known } }

  /// Rises when older connections must not be used any more. A connection belongs to the generation
  /// in which it was accepted.
  var generation: Int { currentGeneration.load(ordering: .relaxed) }

  /// The servers that are refused because they lead to another database, with the reason of the
  /// last attempt; one text each, sorted.
  public var refusals: [String] { state.withLock { $0.refusals.map { "\($0.key) is not used: \($0.value)" }.sorted() } }

  /// Retires every connection made so far: the pools replace them.
  public func renewConnections() { currentGeneration.add(1, ordering: .relaxed) }

  /// Retires every connection made so far but one.
  /// - Returns: The generation of that one.
  func renewOtherConnections() -> Int { currentGeneration.add(1, ordering: .relaxed).newValue }

  /// - Parameter server: `host:port`, for the texts.
  /// - Returns: The generation of the accepted connection.
  func accept(_ found: DatabaseIdentity, server: String) throws(IdentityRefusal) -> Int {
    let verdict = state.withLock { $0.judge(found, server: server) }
    // A connection that is accepted between the two lines gets the old generation and is replaced
    // like the older ones.
    if verdict == .newerTimeline { renewConnections() }
    let generation = generation
    if case .refused(let refusal) = verdict { throw refusal }
    return generation
  }
}

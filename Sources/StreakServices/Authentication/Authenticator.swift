internal import Cryptography
internal import EventLoop
internal import RPC
internal import Schema
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Identifies the caller before any handler runs: the method's policy says which credentials the
/// call must carry.
///
/// One per loop.
struct Authenticator: ServerInterceptor {
  /// The beginning of a bearer's metadata value. Source: RFC 6750; the scheme's letter case does
  /// not matter.
  private static let scheme = "bearer "
  /// The most bytes of a bearer's metadata value: of an access token, or of an operator's token,
  /// which may be longer.
  private static let bearerBytesMax = 512

  private let state: LoopBound<State>
  /// Nil: the server has no operators.
  private let operators: OperatorTokens?
  /// Streams that one person has open on the loop.
  private let streamsPerPersonMax: Int
  private let meter: LimitMeter
  /// The policy of the method whose calls it stands around.
  private var policy = MethodPolicy()

  private final class State {
    let store: StreakStore
    var bearers = BearerCache()
    var grants = GrantCache()
    var streams = OpenStreams()

    init(store: StreakStore) {
      self.store = store
    }

    /// The place of the token that a call carries; nil if it carries none.
    func place(of context: ServerContext) -> BearerCache.Place? {
      context.withMetadata("authorization", byteCountMax: bearerBytesMax) { bearers.place(of: $0) }
    }
  }

  /// Loop thread only.
  init(
    store: StreakStore, loop: EventLoop, operators: OperatorTokens?, streamsPerPersonMax: Int, meter: LimitMeter
  ) {
    self.operators = operators
    self.streamsPerPersonMax = streamsPerPersonMax
    self.meter = meter
    state = LoopBound(State(store: store), loop: loop)
  }

  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? {
    var bound = self
    bound.policy = method.policy
    return bound
  }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    // Registered before the lookup of the token: an erasure that is notified from now on finds the
    // stream.
    let streamOwner = context.method.kind == .unary ? nil : Self.owner(of: context)
    if let streamOwner { state.value.streams.insert(context, of: streamOwner) }
    defer { if let streamOwner { state.value.streams.remove(context, of: streamOwner) } }
    switch policy.authentication {
    case .none: break
    case .user:
      if let known = cachedPrincipal(of: context) {
        context.principal = known
      } else {
        context.principal = try await principal(of: context)
      }
    case .session: context.session = try await session(of: context)
    case .admin:
      guard let presented = Self.bearer(context), let caller = operators?.holder(of: presented) else {
        throw Reason.credentialsInvalid.status
      }
      context.operatorCaller = caller
      if let right = OperatorRight.needed(by: context.method), !caller.rights.contains(right) {
        throw Reason.operatorRightMissing.status
      }
    }
    if let streamOwner, policy.authentication == .user {
      guard state.value.streams.admit(streamOwner, countMax: streamsPerPersonMax) else {
        meter.count(.streamsPerPerson)
        throw Reason.tooManyRequests.status
      }
      defer { state.value.streams.leave(streamOwner) }
      return try await next(context)
    }
    try await next(context)
    // A sign-out takes effect at once on this loop, and so on this connection; other loops and
    // processes are notified.
    if policy.isAudited, context.hasRevokedTokens, let principal = context.principal {
      forget(principal.userID)
    }
  }

  /// Drops the cached grants of a person, some of whose tokens were revoked; the grants of all
  /// people, if notifications may have been missed (nil). Loop thread only.
  func forget(_ userID: Identifier?) {
    if let userID { state.value.grants.remove(userID) } else { state.value.grants.removeAll() }
  }

  /// Ends the open streams of people who were erased.
  ///
  /// - Parameter userID: The person who was perhaps erased; nil: notifications may have been
  ///   missed.
  func endStreamsOfErased(_ userID: Identifier?) async {
    let people = userID.map { [$0] } ?? state.value.streams.people
    let open = people.filter { state.value.streams.hasStreams(of: $0) }
    guard !open.isEmpty, let erased = try? await state.value.store.erased(among: open) else { return }
    for userID in erased { state.value.streams.end(of: userID, Reason.accountErased.status) }
  }

  /// The person whose access token a call carries, genuine or not.
  private static func owner(of context: ServerContext) -> Identifier? {
    token(of: context, kind: .access).flatMap { Identifier($0.owner) }
  }

  /// Checks again whether a long call's token is still valid: after `forget`, so that the database
  /// is asked.
  ///
  /// - Throws: `CREDENTIALS_INVALID`, `ACCOUNT_ERASED`.
  func checkAgain(_ context: ServerContext) async throws(RPCStatus) {
    _ = try await principal(of: context)
  }

  /// The person of a call whose token was granted on this loop a moment ago.
  private func cachedPrincipal(of context: ServerContext) -> Principal? {
    let state = state.value
    guard let place = state.place(of: context), let token = state.bearers.token(at: place),
      let grant = state.grants.grant(
        of: token.userID, tokenHash: token.hash, atMilliseconds: context.loop.nowMilliseconds),
      Instant.now() < grant.expiresAt
    else { return nil }
    return Principal(token.userID, grant)
  }

  @inline(never)
  private func principal(of context: ServerContext) async throws(RPCStatus) -> Principal {
    guard let token = Self.token(of: context, kind: .access), let userID = Identifier(token.owner) else {
      throw Reason.credentialsInvalid.status
    }
    let state = state.value
    let place = state.place(of: context)
    let said = BearerCache.Token(userID: userID, hash: token.hash)
    let nowMilliseconds = context.loop.nowMilliseconds
    var grant = state.grants.grant(of: userID, tokenHash: said.hash, atMilliseconds: nowMilliseconds)
    if grant == nil {
      grant = try await mappingStoreErrors { () throws(StoreError) in
        try await state.store.accessGrant(of: userID, accessHash: said.hash, at: .now())
      }
      if let grant { state.grants.insert(grant, of: userID, tokenHash: said.hash, atMilliseconds: nowMilliseconds) }
    }
    guard let grant else { throw try await state.store.refusalOfUnknownToken(of: userID, token) }
    guard Instant.now() < grant.expiresAt else { throw Reason.credentialsInvalid.status }
    if let place { state.bearers.insert(said, at: place) }
    return Principal(userID, grant)
  }

  private func session(of context: ServerContext) async throws(RPCStatus) -> SessionRecord {
    guard let token = Self.token(of: context, kind: .session), let sessionID = Identifier(token.owner) else {
      throw Reason.sessionInvalid.status
    }
    let store = state.value.store
    let presented = try await mappingStoreErrors { () throws(StoreError) in try await store.presentedSession(sessionID)
    }
    if presented.known == nil, let erased = presented.erasedSecretHash, equalInConstantTime(erased, token.hash) {
      throw Reason.accountErased.status
    }
    guard let session = presented.known, equalInConstantTime(session.secretHash, token.hash) else {
      throw Reason.sessionInvalid.status
    }
    guard session.claimedBy == nil else { throw Reason.sessionMigrated.status }
    return session
  }

  private static func token(of context: ServerContext, kind: OpaqueToken.Kind) -> OpaqueToken? {
    guard let token = bearer(context).flatMap({ OpaqueToken(utf8: $0) }), token.kind == kind else { return nil }
    return token
  }

  /// The bytes behind the scheme; nil without it. A longer value is not a token, and is not copied.
  private static func bearer(_ context: ServerContext) -> ArraySlice<UInt8>? {
    let value = context.withMetadata("authorization", byteCountMax: bearerBytesMax) { value in
      unsafe value.withUnsafeBytes { unsafe Array($0) }
    }
    guard let value, value.prefix(scheme.utf8.count).elementsEqual(scheme.utf8, by: { $0 | 0x20 == $1 }) else {
      return nil
    }
    // RFC 9110, section 11.4: one space or more.
    return value.dropFirst(scheme.utf8.count).drop { $0 == UInt8(ascii: " ") }
  }
}

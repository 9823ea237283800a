internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Handles the stash: the copy of a session's data for a browser that forgets.
extension SessionHandlers {
  /// The most bytes of a capture in a stash, as binary protobuf: 16,000 entries without notes.
  static let stashBytesMax = 1_048_576
  /// The cookie that holds the session's id and secret. Browsers keep a cookie for 400 days at
  /// most; each stash renews it.
  static let cookie = HostCookie("streak-session", maxAgeSeconds: 31_536_000)

  func stashSession(
    _ request: StashSessionRequest, context: ServerContext
  ) async throws(RPCStatus) -> StashSessionResponse {
    let token = try Self.token(id: request.sessionId, secret: request.sessionSecret)
    let presented = try await present(token, withContent: false, acceptsUnknown: request.unanchored)
    if let stored = presented.stash, stored.number >= request.captureNumber {
      Self.keep(token, context)
      return StashSessionResponse(stored)
    }
    try await limiter.count(context, person: token.owner)
    let content = request.captured?.protobufBytes() ?? []
    guard content.count <= Self.stashBytesMax else {
      throw Reason.stashTooLarge.naming("captured", "has \(content.count) bytes; at most \(Self.stashBytesMax)")
    }
    try await limiter.countStash(bytes: content.count, context)
    let now = Instant.now()
    let isLarge = (request.captured?.entries.count ?? 0) > LargeWork.smallEntriesMax
    let checked = try await work.run(isLarge: isLarge) { () -> Result<Void, RPCStatus> in
      do throws(RPCStatus) {
        _ = try CheckedCapture.checked(request.captured, path: "captured")
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try checked.get()
    let stash = StashRecord(
      number: request.captureNumber, sealed: SealedBytes.seal(content, key: Self.sealingKey(token)), stashedAt: now)
    let sessionID = try identifier(request.sessionId, "session_id")
    let isStored = try await mappingStoreErrors { () throws(StoreError) in
      try await store.stash(stash, of: sessionID, secretHash: token.hash, isNew: presented.known == nil)
    }
    guard isStored else {
      // Another call of this session, or its claim, came first.
      let current = try await present(token, withContent: false, acceptsUnknown: false)
      guard let stored = current.stash, stored.number >= request.captureNumber else {
        throw Reason.concurrentChange.status
      }
      Self.keep(token, context)
      return StashSessionResponse(stored)
    }
    Self.keep(token, context)
    return StashSessionResponse(stash)
  }

  func takeStash(_ request: TakeStashRequest, context: ServerContext) async throws(RPCStatus) -> TakeStashResponse {
    guard let token = try Self.token(of: request, context) else { return TakeStashResponse() }
    try await limiter.count(context, person: token.owner)
    let presented: StreakStore.PresentedStash
    do throws(RPCStatus) {
      presented = try await present(token, withContent: !request.remove, acceptsUnknown: false)
    } catch {
      // The session's own refusals; what passes by itself must not cost the browser its cookie.
      guard error.code == .unauthenticated || error.code == .failedPrecondition else { throw error }
      context.removeCookie(Self.cookie)
      // There is nothing to remove then, whatever the session has become.
      if request.remove { return TakeStashResponse() }
      throw error
    }
    let sessionID = try identifier(token.owner, "session_id")
    if request.remove {
      try await mappingStoreErrors { () throws(StoreError) in
        try await store.removeStash(of: sessionID, secretHash: token.hash)
      }
      context.removeCookie(Self.cookie)
      return TakeStashResponse()
    }
    try await mappingStoreErrors { () throws(StoreError) in try await store.keepSession(sessionID, at: .now()) }
    Self.keep(token, context)
    var response = TakeStashResponse(
      sessionId: token.owner, sessionSecret: token.secret.exposed,
      anchor: presented.known?.anchor.map(GoogleProtobufTimestamp.init))
    guard let stash = presented.stash, let sealed = stash.sealed else { return response }
    guard let content = SealedBytes.open(sealed, key: Self.sealingKey(token)),
      let captured = try? CapturedSession(protobufBytes: content)
    else { throw Reason.internalFault.status }
    response.captureNumber = stash.number
    response.captured = captured
    response.stashedAt = GoogleProtobufTimestamp(stash.stashedAt)
    return response
  }

  /// Has the caller's browser keep the session's id and secret.
  private static func keep(_ token: OpaqueToken, _ context: ServerContext) {
    context.setCookie(cookie, String(decoding: token.text.exposed, as: UTF8.self))
  }

  /// The session that a request names.
  private static func token(id: [UInt8], secret: [UInt8]) throws(RPCStatus) -> OpaqueToken {
    guard id.count == OpaqueToken.ownerByteCount, secret.count == OpaqueToken.secretByteCount else {
      throw Reason.sessionInvalid.status
    }
    return OpaqueToken(kind: .session, owner: id, secret: Secret(secret))
  }

  /// The session that a request or its cookie names; nil: neither names one.
  private static func token(
    of request: TakeStashRequest, _ context: ServerContext
  ) throws(RPCStatus) -> OpaqueToken? {
    guard request.sessionId.isEmpty, request.sessionSecret.isEmpty else {
      return try token(id: request.sessionId, secret: request.sessionSecret)
    }
    guard let text = context.cookie(cookie) else { return nil }
    guard let token = OpaqueToken(text: text), token.kind == .session else {
      context.removeCookie(cookie)
      throw Reason.sessionInvalid.status
    }
    return token
  }

  /// Checks a session's proof.
  ///
  /// - Parameter acceptsUnknown: The session may be one that the server does not know.
  /// - Throws: `SESSION_INVALID`, `SESSION_MIGRATED`, `ACCOUNT_ERASED`.
  private func present(
    _ token: OpaqueToken, withContent: Bool, acceptsUnknown: Bool
  ) async throws(RPCStatus) -> StreakStore.PresentedStash {
    let sessionID = try identifier(token.owner, "session_id")
    let presented = try await mappingStoreErrors { () throws(StoreError) in
      try await store.presentedStash(sessionID, withContent: withContent)
    }
    guard let session = presented.known else {
      if let erased = presented.erasedSecretHash {
        throw equalInConstantTime(erased, token.hash) ? Reason.accountErased.status : Reason.sessionInvalid.status
      }
      guard acceptsUnknown else { throw Reason.sessionInvalid.status }
      return presented
    }
    guard equalInConstantTime(session.secretHash, token.hash) else { throw Reason.sessionInvalid.status }
    guard session.claimedBy == nil else { throw Reason.sessionMigrated.status }
    return presented
  }

  private static func sealingKey(_ token: OpaqueToken) -> Secret { token.sealingKey(purpose: "session stash") }
}

extension StashSessionResponse {
  fileprivate init(_ stash: StashRecord) {
    self.init(captureNumber: stash.number, stashedAt: GoogleProtobufTimestamp(stash.stashedAt))
  }
}

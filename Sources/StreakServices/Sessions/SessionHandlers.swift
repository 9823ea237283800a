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

/// Handles anonymous sessions. One per loop.
struct SessionHandlers: SessionService {
  let store: StreakStore
  let limiter: RateLimiter
  let work: LargeWork

  /// The fewest different bytes of a random idempotency key; 16 random bytes have fewer than five
  /// different ones once in 10^21 times. A key from an example, or of a client that never filled
  /// it, would give the same session to every client that sends it, so each call with such a key
  /// begins a session of its own.
  static let keyValuesMin = 5

  /// The session's id follows from the idempotency key, so that a repeated request finds the
  /// session; the secret is random, and the reply is stored sealed under the key.
  func startSession(
    _ request: StartSessionRequest, context: ServerContext
  ) async throws(RPCStatus) -> StartSessionResponse {
    let isShared = Set(request.idempotencyKey).count < Self.keyValuesMin
    let key = isShared ? randomBytes(count: 32) : request.idempotencyKey
    let idKey = SealedBytes.key(purpose: "session id", secrets: [key])
    guard let sessionID = Identifier(Array(idKey.exposed.prefix(Identifier.byteCount))) else {
      throw Reason.internalFault.status
    }
    let sealingKey = SealedBytes.key(purpose: "session start", secrets: [key])
    let token = OpaqueToken(kind: .session, owner: sessionID.bytes)
    let now = Instant.now()
    let response = StartSessionResponse(
      sessionId: sessionID.bytes, sessionSecret: token.secret.exposed, anchor: GoogleProtobufTimestamp(now))
    let session = SessionRecord(
      sessionID: sessionID, secretHash: token.hash, anchor: now,
      sealedStart: SealedBytes.seal(response.protobufBytes(), key: sealingKey))
    var stored = try await mappingStoreErrors { () throws(StoreError) in try await store.session(sessionID) }
    if stored == nil {
      try await limiter.count(context, person: nil)
      let isNew = try await mappingStoreErrors { () throws(StoreError) in try await store.startSession(session, at: now)
      }
      if isNew { return response }
      stored = try await mappingStoreErrors { () throws(StoreError) in try await store.session(sessionID) }
    }
    guard let stored, let sealed = stored.sealedStart, let reply = SealedBytes.open(sealed, key: sealingKey),
      let response = try? StartSessionResponse(protobufBytes: reply)
    else { throw Reason.idempotencyKeyReused.status }
    guard stored.claimedBy == nil else { throw Reason.sessionMigrated.status }
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return response
  }

  func keepSession(
    _ request: KeepSessionRequest, context: ServerContext
  ) async throws(RPCStatus) -> KeepSessionResponse {
    guard let session = context.session else { throw Reason.sessionInvalid.status }
    try await mappingStoreErrors { () throws(StoreError) in try await store.keepSession(session.sessionID, at: .now()) }
    return KeepSessionResponse(anchor: session.anchor.map(GoogleProtobufTimestamp.init))
  }
}

/// Marks a reply as the stored one of an earlier call.
package enum ReplyReplay {
  /// The trailing metadata's name; its value is "true".
  package static let metadataName = "streak-replayed"
}

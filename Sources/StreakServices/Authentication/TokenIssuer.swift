internal import Cryptography
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import StreakStore

/// How long credentials live.
package struct TokenLifetimes: Sendable {
  /// The lifetime of an access token, in seconds.
  package var accessSeconds: Int64 = 3600
  /// The lifetime of a refresh token, in seconds, from its issue on.
  package var refreshSeconds: Int64 = 90 * 86_400

  package init() {}
}

/// A device's new credentials: what is stored of them, and what the client gets.
struct IssuedTokens {
  let credential: CredentialRecord
  let message: Tokens
}

/// Makes credentials.
struct TokenIssuer: Sendable {
  let lifetimes: TokenLifetimes
  let store: StreakStore

  /// Credentials for a device that signs in, or, given its refresh token, for one that refreshes.
  func issue(to userID: Identifier, refreshing presented: OpaqueToken? = nil, at now: Instant) -> IssuedTokens {
    let proof = store.serverKey.tokenProof
    let access = OpaqueToken(kind: .access, owner: userID.bytes, proof: proof)
    let refresh =
      presented.map { OpaqueToken(successorOf: $0, proof: proof) }
      ?? OpaqueToken(kind: .refresh, owner: userID.bytes, proof: proof)
    let credential = CredentialRecord(
      accessHash: access.hash, accessExpiresAt: now.advanced(bySeconds: lifetimes.accessSeconds),
      refreshHash: refresh.hash, refreshExpiresAt: now.advanced(bySeconds: lifetimes.refreshSeconds),
      refreshFamilyHash: refresh.familyHash)
    let message = Tokens(
      accessToken: String(decoding: access.text.exposed, as: UTF8.self),
      accessExpiresAt: .init(credential.accessExpiresAt),
      refreshToken: String(decoding: refresh.text.exposed, as: UTF8.self),
      refreshExpiresAt: .init(credential.refreshExpiresAt))
    return IssuedTokens(credential: credential, message: message)
  }
}

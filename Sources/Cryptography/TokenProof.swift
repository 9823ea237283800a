/// Proves, without the database's tables, that a server of this database made a token. A server
/// that was restored to a moment before an account was made uses it to distinguish the account's
/// devices from others.
///
/// The last 8 bytes of a token's secret are a keyed hash of the rest. The proof gives no access:
/// access needs the token's hash in the tables.
public struct TokenProof: Sendable {
  /// The size of a proof, in bytes.
  public static let byteCount = 8

  private let hash: ShortHash

  /// - Parameter secret: A key of the server key's.
  public init(secret: [UInt8]) {
    let key = SHA256.digest(of: Array("streak.v1.token.1".utf8) + secret)
    hash = ShortHash(key: key.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
  }

  /// The proof of a token, from the first part of its secret.
  func proof(_ kind: OpaqueToken.Kind, _ owner: [UInt8], _ beginning: [UInt8]) -> [UInt8] {
    let bytes = Array(kind.rawValue.utf8) + [0] + owner + beginning
    let tag = unsafe UInt64(truncatingIfNeeded: hash(bytes.span.bytes))
    return (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: tag >> UInt64(56 - 8 * $0)) }
  }
}

extension OpaqueToken {
  /// Makes a token with a new secret and the proof of this database.
  public init(kind: Kind, owner: [UInt8], proof: TokenProof) {
    let beginning = randomBytes(count: Self.secretByteCount - TokenProof.byteCount)
    self.init(kind: kind, owner: owner, secret: Secret(beginning + proof.proof(kind, owner, beginning)))
  }

  /// Makes the next token of the same family: the family's part of the secret is kept, the rest is
  /// new.
  public init(successorOf token: OpaqueToken, proof: TokenProof) {
    let kept = Array(token.secret.exposed.prefix(Self.familyByteCount))
    let fresh = randomBytes(count: Self.secretByteCount - Self.familyByteCount - TokenProof.byteCount)
    let beginning = kept + fresh
    self.init(
      kind: token.kind, owner: token.owner, secret: Secret(beginning + proof.proof(token.kind, token.owner, beginning)))
  }

  /// Whether a server of this database made the token. It may have been revoked since.
  public func isGenuine(by proof: TokenProof) -> Bool {
    let beginning = Array(secret.exposed.dropLast(TokenProof.byteCount))
    return equalInConstantTime(
      Array(secret.exposed.suffix(TokenProof.byteCount)), proof.proof(kind, owner, beginning))
  }
}

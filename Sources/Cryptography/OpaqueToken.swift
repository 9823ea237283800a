/// A credential that a server checks against its tables: a kind, an owner, and a random secret. The
/// secret of an account's token ends in a `TokenProof`.
///
/// The text is the kind's prefix, a dot, and the base64url of the owner's id followed by the
/// secret. The owner's id limits every look-up to one user's rows; it proves nothing. The server
/// stores only `hash`.
public struct OpaqueToken: Sendable {
  /// A token's purpose. The raw value is the text's prefix, so that a leaked token's kind can be
  /// recognised.
  public enum Kind: String, Sendable, CaseIterable {
    /// For the `authorization` metadata of a signed-in user's calls.
    case access
    /// To be exchanged for the next pair of tokens.
    case refresh
    /// A session's credential: the owner is the session.
    case session
    /// In a mail: proves that its reader reads mail at an address.
    case verify
    /// In a mail: replaces the account's password.
    case reset
    /// In a mail: gives the account the address back that it had.
    case takeback
  }

  /// The size of an owner's id, in bytes.
  public static let ownerByteCount = 16
  /// The size of the secret, in bytes.
  public static let secretByteCount = 32
  /// The bytes of the secret that a token's successors keep: long enough to be unguessable by
  /// themselves.
  public static let familyByteCount = 16
  /// The longest text that can be a token, in bytes.
  public static let textBytesMax = 96

  public let kind: Kind
  /// The owner's id, 16 bytes. Not proven until the hash has been found.
  public let owner: [UInt8]
  /// The random part, 32 bytes; together with the kind and the owner it is the credential.
  public let secret: Secret

  /// Makes a token with a new secret.
  public init(kind: Kind, owner: [UInt8]) {
    self.init(kind: kind, owner: owner, secret: Secret(randomBytes(count: Self.secretByteCount)))
  }

  /// Makes a token with a known secret of 32 bytes.
  public init(kind: Kind, owner: [UInt8], secret: Secret) {
    precondition(owner.count == Self.ownerByteCount && secret.exposed.count == Self.secretByteCount)
    self.kind = kind
    self.owner = owner
    self.secret = secret
  }

  /// Reads a token's text; nil if no server could have written it.
  public init?(text: some StringProtocol) { self.init(utf8: Array(text.utf8)[...]) }

  /// Reads the UTF-8 of a token's text; nil if no server could have written it.
  public init?(utf8 text: ArraySlice<UInt8>) {
    guard text.count <= Self.textBytesMax, let dot = text.firstIndex(of: UInt8(ascii: ".")),
      let kind = Kind.allCases.first(where: { text[..<dot].elementsEqual($0.rawValue.utf8) }),
      let bytes = Base64URL.decode(
        utf8: text[text.index(after: dot)...], byteCount: Self.ownerByteCount + Self.secretByteCount)
    else { return nil }
    self.kind = kind
    owner = Array(bytes.prefix(Self.ownerByteCount))
    secret = Secret(Array(bytes.dropFirst(Self.ownerByteCount)))
  }

  /// The text for the client. It is the credential itself: never log it.
  public var text: Secret {
    Secret("\(kind.rawValue).\(Base64URL.encode(owner + secret.exposed))")
  }

  /// What the server stores and looks up: SHA-256 of the secret. The secret has 256 random bits, so
  /// a slow hash would add nothing.
  public var hash: [UInt8] { SHA256.digest(of: secret.exposed) }

  /// SHA-256 of the part that successors keep. A client that sends a token with this part holds, or
  /// held, a genuine token of the family.
  public var familyHash: [UInt8] { SHA256.digest(of: Array(secret.exposed.prefix(Self.familyByteCount))) }

  /// A key that encrypts data for this token's holder only.
  public func sealingKey(purpose: String) -> Secret {
    SealedBytes.key(purpose: purpose, secrets: [owner, secret.exposed])
  }
}

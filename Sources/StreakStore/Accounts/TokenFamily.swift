public import struct StreakDomain.Instant

/// The token pairs of one sign-in on one device, and the meaning of a presented token.
///
/// A sign-in begins a family with one pair: an access token for calls, a refresh token for the next
/// pair. A pair is *current* once one of its two tokens has been used. `Refresh` issues a new,
/// *unused* pair and changes nothing else, because its reply may be lost; so the same refresh token
/// may be presented again, each time for another pair, until it expires. The first use of an unused
/// pair, by a call or by a refresh, makes it current and ends the previous pair and the other
/// unused ones. From then on a refresh token that is neither current nor unused shows that two
/// holders have parted: both once held the same token, and each used a pair of its own. The server
/// cannot tell which of them is the person's device, so the family ends, and the person signs in
/// again.
///
/// | presented | outcome |
/// | --- | --- |
/// | refresh token, current | a new unused pair |
/// | refresh token, unused | its pair becomes current; a new unused pair |
/// | either one, expired | refused; nothing changes |
/// | another refresh token of the family | refused; the family ends |
/// | access token, current, or of the previous pair | accepted: calls may be running with the previous one |
/// | access token, unused | accepted; its pair becomes current |
/// | another access token | refused |
///
/// No pair is issued to two calls, so a copy of a refresh token never gets the owner's pair. A
/// server keeps the hashes of one current pair, of one earlier access token, and of at most
/// `unusedPairsMax` unused pairs.
public struct TokenFamily: Sendable, Equatable {
  /// Most unused pairs kept; one more displaces the oldest, which then counts as an old one.
  public static let unusedPairsMax = 4

  /// An access token and a refresh token that were issued together.
  public struct Pair: Sendable, Equatable {
    /// SHA-256 of the access token's secret, 32 bytes.
    public var accessHash: [UInt8]
    public var accessExpiresAt: Instant
    /// SHA-256 of the refresh token's secret, 32 bytes.
    public var refreshHash: [UInt8]
    public var refreshExpiresAt: Instant

    public init(accessHash: [UInt8], accessExpiresAt: Instant, refreshHash: [UInt8], refreshExpiresAt: Instant) {
      self.accessHash = accessHash
      self.accessExpiresAt = accessExpiresAt
      self.refreshHash = refreshHash
      self.refreshExpiresAt = refreshExpiresAt
    }

    public init(_ credential: CredentialRecord) {
      self.init(
        accessHash: credential.accessHash, accessExpiresAt: credential.accessExpiresAt,
        refreshHash: credential.refreshHash, refreshExpiresAt: credential.refreshExpiresAt)
    }
  }

  /// An access token alone.
  public struct Access: Sendable, Equatable {
    public var hash: [UInt8]
    public var expiresAt: Instant

    public init(hash: [UInt8], expiresAt: Instant) {
      self.hash = hash
      self.expiresAt = expiresAt
    }
  }

  /// The outcome of a refresh.
  public enum RefreshOutcome: Sendable, Equatable {
    /// The new pair is one of the unused ones.
    case issued
    /// The token has expired.
    case expired
    /// The token was replaced by another one that was used: the family must end.
    case copied
  }

  /// The pair in use.
  public private(set) var current: Pair
  /// The access token of the previous pair.
  public private(set) var previousAccess: Access?
  /// Issued pairs that were not used so far, the oldest first.
  public private(set) var unused: [Pair]

  public init(current: Pair, previousAccess: Access? = nil, unused: [Pair] = []) {
    self.current = current
    self.previousAccess = previousAccess
    self.unused = unused
  }

  /// A refresh token of the family was presented.
  ///
  /// - Parameter pair: The pair to issue, if any.
  public mutating func refresh(_ refreshHash: [UInt8], issuing pair: Pair, at now: Instant) -> RefreshOutcome {
    let place = unused.firstIndex { $0.refreshHash == refreshHash }
    guard let presented = place.map({ unused[$0] }) ?? (current.refreshHash == refreshHash ? current : nil) else {
      return .copied
    }
    guard now < presented.refreshExpiresAt else { return .expired }
    if place != nil { makeCurrent(presented) }
    if unused.count >= Self.unusedPairsMax { unused.removeFirst() }
    unused.append(pair)
    return .issued
  }

  /// An access token was presented.
  ///
  /// - Returns: When it expires; nil if it does not belong to the family, or not any more.
  public mutating func use(_ accessHash: [UInt8], at now: Instant) -> Instant? {
    if current.accessHash == accessHash { return current.accessExpiresAt }
    if let previousAccess, previousAccess.hash == accessHash { return previousAccess.expiresAt }
    guard let pair = unused.first(where: { $0.accessHash == accessHash }) else { return nil }
    if now < pair.accessExpiresAt { makeCurrent(pair) }
    return pair.accessExpiresAt
  }

  private mutating func makeCurrent(_ pair: Pair) {
    previousAccess = Access(hash: current.accessHash, expiresAt: current.accessExpiresAt)
    current = pair
    unused = []
  }
}

extension TokenFamily {
  private static let hashByteCount = 32
  /// Bytes of one unused pair in storage: two hashes, two moments in microseconds.
  static let pairByteCount = 2 * hashByteCount + 16

  /// The unused pairs in storage form.
  var encodedUnused: [UInt8] { Self.encoded(unused) }

  static func encoded(_ pairs: [Pair]) -> [UInt8] {
    var bytes: [UInt8] = []
    for pair in pairs {
      bytes += pair.accessHash + pair.refreshHash
      bytes.append(bigEndian: pair.accessExpiresAt.microseconds)
      bytes.append(bigEndian: pair.refreshExpiresAt.microseconds)
    }
    return bytes
  }

  /// Nil: the bytes are not pairs.
  static func pairs(encoded bytes: [UInt8]) -> [Pair]? {
    guard bytes.count.isMultiple(of: pairByteCount) else { return nil }
    return stride(from: 0, to: bytes.count, by: pairByteCount).map { start in
      let hashes = bytes[start..<start + 2 * hashByteCount]
      func moment(at offset: Int) -> Instant {
        let place = start + 2 * hashByteCount + offset
        return Instant(microseconds: bytes[place..<place + 8].reduce(0) { $0 << 8 | Int64($1) })
      }
      return Pair(
        accessHash: Array(hashes.prefix(hashByteCount)), accessExpiresAt: moment(at: 0),
        refreshHash: Array(hashes.suffix(hashByteCount)), refreshExpiresAt: moment(at: 8))
    }
  }
}

internal import Cryptography
internal import struct StreakDomain.Identifier
internal import StreakStore

/// Caches what the access tokens of recent calls say, so that most calls neither decode nor hash
/// theirs. Loop-confined by its owner.
///
/// What a token says never changes: an entry is never out of date, and proves nothing. Bounded, as
/// `TwoGenerationCache` is.
struct BearerCache {
  /// Most tokens in one generation; there are two.
  static let tokensPerGenerationMax = 8192

  /// The place of a bearer's metadata value: its hash under a key of this cache, because the value
  /// itself is a secret.
  struct Place: Hashable {
    private let high: UInt64
    private let low: UInt64

    fileprivate init(_ hash: UInt128) {
      (high, low) = (UInt64(truncatingIfNeeded: hash >> 64), UInt64(truncatingIfNeeded: hash))
    }
  }

  /// What a token says.
  struct Token: Equatable {
    /// The person that the token names.
    let userID: Identifier
    /// SHA-256 of the token's secret.
    let hash: [UInt8]
  }

  private let hash = ShortHash(key: UInt128.random(in: .min ... .max))
  private var tokens = TwoGenerationCache<Place, Token>(generationWeightMax: tokensPerGenerationMax)

  /// The place of a value of the metadata `authorization`.
  func place(of value: RawSpan) -> Place { Place(hash(value)) }

  /// What the token at a place says, if it is cached.
  func token(at place: Place) -> Token? { tokens.value(for: place) }

  /// Caches what a token says. Only genuine ones are to be cached, so that nonsense displaces
  /// nothing.
  mutating func insert(_ token: Token, at place: Place) { tokens.put(token, for: place) }

  /// The number of cached tokens.
  var count: Int { tokens.count }
}

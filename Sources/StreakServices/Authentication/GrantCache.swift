internal import struct StreakDomain.Identifier
internal import StreakStore

/// Caches what the access tokens of recent calls grant, so that most calls need no lookup.
/// Loop-confined by its owner.
///
/// An entry is valid for a few seconds at most, and is dropped at once when a revocation is
/// notified: so every server process refuses a revoked token within seconds, even without
/// notifications. Bounded, as `TwoGenerationCache` is.
struct GrantCache {
  /// How long an entry is valid, in milliseconds.
  static let lifetimeMilliseconds: UInt64 = 3000
  /// Most people in one generation; there are two.
  static let peoplePerGenerationMax = 8192
  /// The most tokens cached for one person; one more displaces the oldest.
  static let tokensPerPersonMax = 8

  struct Entry: Equatable {
    let tokenHash: [UInt8]
    let grant: AccessGrant
    /// On the loop's clock.
    let believedUntilMilliseconds: UInt64
  }

  /// By person.
  private(set) var entries = TwoGenerationCache<Identifier, [Entry]>(generationWeightMax: peoplePerGenerationMax)

  /// What a token grants, if a valid entry is cached.
  mutating func grant(of userID: Identifier, tokenHash: [UInt8], atMilliseconds now: UInt64) -> AccessGrant? {
    guard let entry = entries.value(for: userID)?.first(where: { $0.tokenHash == tokenHash }),
      now < entry.believedUntilMilliseconds
    else { return nil }
    return entry.grant
  }

  /// Caches what a token grants.
  mutating func insert(
    _ grant: AccessGrant, of userID: Identifier, tokenHash: [UInt8], atMilliseconds now: UInt64
  ) {
    var kept = (entries.value(for: userID) ?? []).filter {
      $0.tokenHash != tokenHash && now < $0.believedUntilMilliseconds
    }
    if kept.count >= Self.tokensPerPersonMax { kept.removeFirst() }
    kept.append(
      Entry(tokenHash: tokenHash, grant: grant, believedUntilMilliseconds: now + Self.lifetimeMilliseconds))
    entries.put(kept, for: userID)
  }

  /// Drops all entries of a person.
  mutating func remove(_ userID: Identifier) { _ = entries.remove(userID) }

  /// Drops all entries: revocations may have been missed.
  mutating func removeAll() { entries.removeAll() }
}

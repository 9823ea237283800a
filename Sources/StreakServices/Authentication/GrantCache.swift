internal import struct StreakDomain.Identifier
internal import StreakStore

/// Caches what the access tokens of recent calls grant, so that most calls need no lookup.
/// Loop-confined by its owner.
///
/// An entry is valid for a few seconds at most, and is dropped at once when a revocation is
/// notified: so every server process refuses a revoked token within seconds, even without
/// notifications. Bounded: when the cache is full, the whole of the older generation is dropped.
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

  private var young: [Identifier: [Entry]] = [:]
  private var old: [Identifier: [Entry]] = [:]

  /// What a token grants, if a valid entry is cached.
  mutating func grant(of userID: Identifier, tokenHash: [UInt8], atMilliseconds now: UInt64) -> AccessGrant? {
    let entries = young[userID] ?? old[userID]
    guard let entry = entries?.first(where: { $0.tokenHash == tokenHash }), now < entry.believedUntilMilliseconds
    else { return nil }
    return entry.grant
  }

  /// Caches what a token grants.
  mutating func insert(
    _ grant: AccessGrant, of userID: Identifier, tokenHash: [UInt8], atMilliseconds now: UInt64
  ) {
    if young.count >= Self.peoplePerGenerationMax && young[userID] == nil {
      old = young
      young.removeAll(keepingCapacity: true)
    }
    var entries = (young[userID] ?? old.removeValue(forKey: userID) ?? []).filter {
      $0.tokenHash != tokenHash && now < $0.believedUntilMilliseconds
    }
    if entries.count >= Self.tokensPerPersonMax { entries.removeFirst() }
    entries.append(
      Entry(tokenHash: tokenHash, grant: grant, believedUntilMilliseconds: now + Self.lifetimeMilliseconds))
    young[userID] = entries
  }

  /// Drops all entries of a person.
  mutating func remove(_ userID: Identifier) {
    young[userID] = nil
    old[userID] = nil
  }

  /// Drops all entries: revocations may have been missed.
  mutating func removeAll() {
    young.removeAll(keepingCapacity: true)
    old.removeAll()
  }

  /// The number of people with entries.
  var peopleCount: Int { young.count + old.keys.count { young[$0] == nil } }
}

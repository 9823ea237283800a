internal import struct StreakDomain.Identifier
internal import StreakStore

/// Access tokens seen lately and what they grant, so that most calls need no look-up. Loop-confined
/// by its owner.
///
/// An entry is believed for a few seconds at most, and dropped at once when a revocation is heard:
/// so every server process refuses a revoked token within seconds even if it cannot hear. Bounded:
/// when full, the whole of the older generation goes.
struct GrantCache {
  /// How long an entry is believed, in milliseconds.
  static let lifetimeMilliseconds: UInt64 = 3000
  /// Most people in one generation; there are two.
  static let peoplePerGenerationMax = 8192
  /// Most tokens remembered of one person; one more displaces the oldest.
  static let tokensPerPersonMax = 8

  struct Entry: Equatable {
    let tokenHash: [UInt8]
    let grant: AccessGrant
    /// On the loop's clock.
    let believedUntilMilliseconds: UInt64
  }

  private var young: [Identifier: [Entry]] = [:]
  private var old: [Identifier: [Entry]] = [:]

  /// What a token grants, if that is remembered and still believed.
  mutating func grant(of userID: Identifier, tokenHash: [UInt8], atMilliseconds now: UInt64) -> AccessGrant? {
    let entries = young[userID] ?? old[userID]
    guard let entry = entries?.first(where: { $0.tokenHash == tokenHash }), now < entry.believedUntilMilliseconds
    else { return nil }
    return entry.grant
  }

  /// Remembers what a token grants.
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

  /// Forgets everything about a person.
  mutating func remove(_ userID: Identifier) {
    young[userID] = nil
    old[userID] = nil
  }

  /// Forgets everything: revocations may have been missed.
  mutating func removeAll() {
    young.removeAll(keepingCapacity: true)
    old.removeAll()
  }

  /// Number of people remembered.
  var peopleCount: Int { young.count + old.keys.count { young[$0] == nil } }
}

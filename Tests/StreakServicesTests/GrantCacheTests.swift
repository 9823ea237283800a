import struct StreakDomain.Identifier
@testable import StreakServices
@testable import StreakStore
import struct StreakDomain.Instant
import Testing

struct GrantCacheTests {
  private static let grant = AccessGrant(deviceID: .random(), expiresAt: Instant(seconds: 4_000_000_000))

  private static func hash(_ number: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32)
  }

  @Test("a grant is cached for its lifetime and not a millisecond longer")
  func lifetime() {
    var cache = GrantCache()
    let person = Identifier.random()
    cache.insert(Self.grant, of: person, tokenHash: Self.hash(1), atMilliseconds: 100)
    let last = 100 + GrantCache.lifetimeMilliseconds - 1
    #expect(cache.grant(of: person, tokenHash: Self.hash(1), atMilliseconds: last) == Self.grant)
    #expect(cache.grant(of: person, tokenHash: Self.hash(1), atMilliseconds: last + 1) == nil)
    #expect(cache.grant(of: person, tokenHash: Self.hash(2), atMilliseconds: 100) == nil)
  }

  @Test("of one user's tokens the latest are cached, as many as the limit")
  func tokensOfOnePerson() {
    var cache = GrantCache()
    let person = Identifier.random()
    for number in 0...GrantCache.tokensPerPersonMax {
      cache.insert(Self.grant, of: person, tokenHash: Self.hash(number), atMilliseconds: 0)
    }
    #expect(cache.grant(of: person, tokenHash: Self.hash(0), atMilliseconds: 0) == nil)
    for number in 1...GrantCache.tokensPerPersonMax {
      #expect(cache.grant(of: person, tokenHash: Self.hash(number), atMilliseconds: 0) == Self.grant)
    }
  }

  @Test("for any number of users, at most two generations are cached, the latest among them")
  func people() {
    var cache = GrantCache()
    let people = (0..<GrantCache.peoplePerGenerationMax * 3 + 1).map { _ in Identifier.random() }
    for person in people {
      cache.insert(Self.grant, of: person, tokenHash: Self.hash(1), atMilliseconds: 0)
    }
    #expect(cache.entries.count <= GrantCache.peoplePerGenerationMax * 2)
    for person in people.suffix(GrantCache.peoplePerGenerationMax) {
      #expect(cache.grant(of: person, tokenHash: Self.hash(1), atMilliseconds: 0) == Self.grant)
    }
    #expect(cache.grant(of: people[0], tokenHash: Self.hash(1), atMilliseconds: 0) == nil)
  }

  @Test("a revocation removes the user from the cache, and a gap in notifications clears it")
  func forgetting() {
    var cache = GrantCache()
    let (first, second) = (Identifier.random(), Identifier.random())
    for person in [first, second] {
      cache.insert(Self.grant, of: person, tokenHash: Self.hash(1), atMilliseconds: 0)
    }
    cache.remove(first)
    #expect(cache.grant(of: first, tokenHash: Self.hash(1), atMilliseconds: 0) == nil)
    #expect(cache.grant(of: second, tokenHash: Self.hash(1), atMilliseconds: 0) == Self.grant)
    cache.removeAll()
    #expect(cache.entries.count == 0)
  }
}

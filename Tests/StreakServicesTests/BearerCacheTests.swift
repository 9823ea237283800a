import struct StreakDomain.Identifier
@testable import StreakServices
import Testing

struct BearerCacheTests {
  private static func token(_ userID: Identifier = .random()) -> BearerCache.Token {
    BearerCache.Token(userID: userID, hash: [UInt8](repeating: 7, count: 32))
  }

  private static func place(of value: String, in cache: BearerCache) -> BearerCache.Place {
    cache.place(of: Array(value.utf8).span.bytes)
  }

  @Test("a value finds its own token only: not with a byte more, less or changed")
  func lookup() {
    var cache = BearerCache()
    let value = "Bearer access." + String(repeating: "A", count: 64)
    let token = Self.token()
    cache.insert(token, at: Self.place(of: value, in: cache))
    #expect(cache.token(at: Self.place(of: value, in: cache)) == token)
    for other in [value + " ", String(value.dropLast()), value.replacing("access.A", with: "access.B"), ""] {
      #expect(cache.token(at: Self.place(of: other, in: cache)) == nil, "\(other)")
    }
  }

  @Test("two caches have keys of their own")
  func keys() {
    #expect(Self.place(of: "Bearer x", in: BearerCache()) != Self.place(of: "Bearer x", in: BearerCache()))
  }

  @Test("for any number of tokens, at most two generations are cached, the latest among them")
  func bound() {
    var cache = BearerCache()
    let count = BearerCache.tokensPerGenerationMax * 3 + 1
    for number in 0..<count { cache.insert(Self.token(), at: Self.place(of: "\(number)", in: cache)) }
    #expect(cache.count <= BearerCache.tokensPerGenerationMax * 2)
    for number in count - BearerCache.tokensPerGenerationMax..<count {
      #expect(cache.token(at: Self.place(of: "\(number)", in: cache)) != nil, "\(number)")
    }
    #expect(cache.token(at: Self.place(of: "0", in: cache)) == nil)
  }
}

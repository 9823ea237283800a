import SplitMix
import struct StreakDomain.Instant
import TestSupport
import Testing

@testable import StreakStore

@Suite("The token pairs of one sign-in")
struct TokenFamilyTests {
  private typealias Pair = TokenFamily.Pair

  private func pair(_ byte: UInt8, at now: Instant = .sample) -> Pair {
    Pair(
      accessHash: [UInt8](repeating: byte, count: 32), accessExpiresAt: now.advanced(bySeconds: 3600),
      refreshHash: [UInt8](repeating: byte &+ 100, count: 32), refreshExpiresAt: now.advanced(bySeconds: 86_400))
  }

  private func refresh(_ family: inout TokenFamily, _ presented: Pair, issuing next: Pair, after seconds: Int64 = 0)
    -> TokenFamily.RefreshOutcome
  {
    family.refresh(presented.refreshHash, issuing: next, at: Instant.sample.advanced(bySeconds: seconds))
  }

  @Test("a refresh token gives new pairs as long as none of them was used, until it expires")
  func lostReplies() {
    var family = TokenFamily(current: pair(1))
    for byte: UInt8 in 2...20 {
      #expect(refresh(&family, pair(1), issuing: pair(byte), after: Int64(byte) * 4_000) == .issued)
      #expect(family.current == pair(1))
      #expect(family.unused.count == min(Int(byte) - 1, TokenFamily.unusedPairsMax) && family.unused.last == pair(byte))
    }
    #expect(refresh(&family, pair(1), issuing: pair(21), after: 86_399) == .issued)
    let before = family
    #expect(refresh(&family, pair(1), issuing: pair(22), after: 86_400) == .expired)
    #expect(family == before)
  }

  @Test(
    "the first use of a pair, by a call or a refresh, ends the previous one and the other unused ones",
    arguments: [false, true])
  func firstUse(byRefresh: Bool) {
    var family = TokenFamily(current: pair(1))
    _ = refresh(&family, pair(1), issuing: pair(2))
    _ = refresh(&family, pair(1), issuing: pair(3))
    if byRefresh {
      #expect(refresh(&family, pair(3), issuing: pair(4)) == .issued)
    } else {
      #expect(family.use(pair(3).accessHash, at: .sample) == pair(3).accessExpiresAt)
    }
    #expect(family.current == pair(3) && family.unused == (byRefresh ? [pair(4)] : []))
    #expect(family.previousAccess?.hash == pair(1).accessHash)
    let settled = family
    #expect(family.use(pair(1).accessHash, at: .sample) == pair(1).accessExpiresAt)
    #expect(family.use(pair(2).accessHash, at: .sample) == nil)
    #expect(family.use(pair(2).refreshHash, at: .sample) == nil)
    for old: UInt8 in [1, 2] { #expect(refresh(&family, pair(old), issuing: pair(9)) == .copied) }
    #expect(family == settled)
  }

  @Test("an unused pair that was displaced is like any other old one")
  func displaced() {
    var family = TokenFamily(current: pair(1))
    for byte in 2...UInt8(TokenFamily.unusedPairsMax + 2) { _ = refresh(&family, pair(1), issuing: pair(byte)) }
    #expect(family.unused.first == pair(3))
    #expect(family.use(pair(2).accessHash, at: .sample) == nil)
    #expect(refresh(&family, pair(2), issuing: pair(9)) == .copied)
    #expect(refresh(&family, pair(3), issuing: pair(9)) == .issued)
    #expect(family.current == pair(3) && family.unused == [pair(9)])
  }

  @Test("an expired unused pair changes nothing")
  func expiredUnused() {
    var family = TokenFamily(current: pair(1, at: Instant.sample.advanced(bySeconds: 900_000)))
    _ = family.refresh(pair(1).refreshHash, issuing: pair(2), at: .sample)
    let before = family
    #expect(family.use(pair(2).accessHash, at: Instant.sample.advanced(bySeconds: 3600)) == pair(2).accessExpiresAt)
    #expect(refresh(&family, pair(2), issuing: pair(3), after: 86_400) == .expired)
    #expect(family == before)
  }

  /// A holder of tokens: its newest pair, and the access token that it has in use.
  private struct Holder {
    var pair: Pair
    var isRefused = false
  }

  @Test("an honest device alone is never refused, whatever replies are lost", arguments: UInt64(0)..<64)
  func honestDevice(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var family = TokenFamily(current: pair(0))
    var held = pair(0)
    var number: UInt8 = 0
    for _ in 0..<120 {
      switch Int.random(in: 0..<3, using: &random) {
      case 0: #expect(family.use(held.accessHash, at: .sample) != nil)
      default:
        number &+= 1
        let next = pair(number)
        #expect(family.refresh(held.refreshHash, issuing: next, at: .sample) == .issued)
        if Bool.random(using: &random) { held = next }
      }
    }
  }

  @Test(
    "of two holders of one token at most one continues, and the other one's refresh ends the family",
    arguments: UInt64(0)..<64)
  func twoHolders(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var family = TokenFamily(current: pair(0))
    var holders = [Holder(pair: pair(0)), Holder(pair: pair(0))]
    var number: UInt8 = 0
    var issued = [Set<UInt8>(), Set<UInt8>()]
    var isOver = false
    for _ in 0..<40 where !isOver {
      let who = Int.random(in: 0..<2, using: &random)
      if Bool.random(using: &random) {
        holders[who].isRefused = family.use(holders[who].pair.accessHash, at: .sample) == nil
      } else {
        number &+= 1
        switch family.refresh(holders[who].pair.refreshHash, issuing: pair(number), at: .sample) {
        case .issued:
          holders[who].pair = pair(number)
          issued[who].insert(number)
        case .copied: isOver = true
        case .expired: Issue.record("nothing expires here")
        }
      }
    }
    // Both refresh and use the result: the second use is detected now at the latest.
    for who in [0, 1, 0, 1] where !isOver {
      number &+= 1
      guard family.refresh(holders[who].pair.refreshHash, issuing: pair(number), at: .sample) == .issued else {
        isOver = true
        continue
      }
      holders[who].pair = pair(number)
      issued[who].insert(number)
      _ = family.use(holders[who].pair.accessHash, at: .sample)
    }
    #expect(isOver)
    #expect(issued[0].isDisjoint(with: issued[1]), "no pair is issued to both")
  }

  @Test("unused pairs can be stored and read back; other bytes are no pairs")
  func encoding() {
    let pairs = (1...4).map { pair(UInt8($0)) }
    for count in 0...4 {
      let some = Array(pairs.prefix(count))
      let bytes = TokenFamily.encoded(some)
      #expect(bytes.count == count * TokenFamily.pairByteCount && TokenFamily.pairs(encoded: bytes) == some)
    }
    #expect(TokenFamily.pairs(encoded: [1, 2, 3]) == nil)
  }
}

import HTTP1
import SplitMix
import TestSupport
import Testing

/// The same requests are read however the bytes are split.
@Suite("HTTP1 splits")
struct RequestSplitTests {
  @Test("each sample, cut once at each place and at all places", arguments: AlteredRequests.samples)
  func eachCut(text: String) {
    let bytes = Array((text + Wire.request()).utf8)
    let whole = Reading(bytes)
    for cut in 0...bytes.count { #expect(Reading(bytes, cuts: [cut]) == whole, "cut at \(cut)") }
    #expect(Reading(bytes, cuts: Array(1..<bytes.count)) == whole)
  }

  @Test("altered samples, cut at random places", arguments: chunks(of: 100, in: 2_000))
  func randomCuts(seeds: Range<UInt64>) {
    for seed in seeds {
      var random = SplitMix64(seed: seed)
      let bytes = AlteredRequests.make(using: &random)
      var cuts: [Int] = []
      for _ in 0..<Int.random(in: 0...8, using: &random) { cuts.append(.random(in: 0...bytes.count, using: &random)) }
      cuts.sort()
      #expect(
        Reading(bytes, cuts: cuts) == Reading(bytes),
        "seed \(seed): \(String(decoding: bytes, as: UTF8.self).debugDescription), cuts \(cuts)")
    }
  }
}

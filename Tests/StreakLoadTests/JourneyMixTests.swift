import SplitMix
import Testing

@testable import StreakLoad

@Suite("Journey mix")
struct JourneyMixTests {
  @Test(
    "a mix is read strictly",
    arguments: ["", "read", "read=1,read=2", "read=-1", "read=x", "talk=1", "read=0", "read=1,"])
  func badMix(text: String) { #expect(JourneyMix(parsing: text) == nil) }

  @Test("journeys are drawn by their weights; the largest weight is accepted, one more is not")
  func mix() throws {
    let mix = try #require(JourneyMix(parsing: "record=1,read=3,sync=0"))
    #expect(mix.description == "read=3,record=1" && !mix.contains(.sync))
    var randomness = SplitMix64(seed: 5)
    let reads = (0..<10_000).count { _ in mix.draw(&randomness) == .read }
    #expect((7_300...7_700).contains(reads))
    #expect(JourneyMix(parsing: "read=1000000") != nil && JourneyMix(parsing: "read=1000001") == nil)
  }
}

import Foundation
import FuzzTargets
import SplitMix
import TestSupport
import Testing

/// Replays every finding of the fuzzer: the files in Findings, named TARGET-SOMETHING. Also runs
/// the fuzzer's seeds, as they are and altered, and random bytes, to test the targets themselves.
@Suite("Fuzz findings")
struct FuzzTests {
  @Test("earlier findings stay fixed", arguments: FuzzTarget.allCases)
  func findings(target: FuzzTarget) throws {
    let folder = try #require(Bundle.module.resourcePath) + "/Findings/"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix(target.rawValue + "-")
    {
      target.run(Array(try Data(contentsOf: URL(fileURLWithPath: folder + name))))
    }
  }

  @Test("the seeds, and what differs from them in a byte, make no target fail", arguments: FuzzTarget.allCases)
  func seeds(target: FuzzTarget) throws {
    let folder = try #require(Bundle.module.resourcePath) + "/Seeds/" + target.rawValue
    guard FileManager.default.fileExists(atPath: folder) else { return }
    var random = SplitMix64(seed: 1)
    for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      let seed = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
      target.run(seed)
      for _ in 0..<20 {
        var altered = seed
        let place = Int.random(in: 0..<seed.count, using: &random)
        switch Int.random(in: 0...2, using: &random) {
        case 0: altered[place] = UInt8.random(in: 0...255, using: &random)
        case 1: altered.remove(at: place)
        default: altered.insert(altered[Int.random(in: 0..<seed.count, using: &random)], at: place)
        }
        target.run(altered)
      }
    }
  }

  @Test("seeded random bytes make no target fail", arguments: FuzzTarget.allCases)
  func noise(target: FuzzTarget) {
    var state: UInt64 = 1
    for count in 0..<120 {
      target.run(
        (0..<count * 3).map { _ in
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          return UInt8(truncatingIfNeeded: state >> 56)
        })
    }
  }
}

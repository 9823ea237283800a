import Foundation
import FuzzTargets
import Testing

/// Replays every finding of the fuzzer: the files in Findings, named TARGET-SOMETHING. Also runs
/// random bytes, to test the targets themselves.
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

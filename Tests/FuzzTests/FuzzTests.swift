import Foundation
import FuzzTargets
import Testing

/// Everything that a fuzzer ever found, again: files in Findings, called TARGET-SOMETHING. And some
/// bytes of no merit, so that the targets themselves are tested.
@Suite("Fuzz findings")
struct FuzzTests {
  @Test("what was found once is found no more", arguments: FuzzTarget.allCases)
  func findings(target: FuzzTarget) throws {
    let folder = try #require(Bundle.module.resourcePath) + "/Findings/"
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasPrefix(target.rawValue + "-")
    {
      target.run(Array(try Data(contentsOf: URL(fileURLWithPath: folder + name))))
    }
  }

  @Test("seeded noise brings no target down", arguments: FuzzTarget.allCases)
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

import Foundation
import ProtobufCodec
import SplitMix
import TestSchema
import TestSupport
import Testing

@Suite("Against Google's Python protobuf")
struct DifferentialTests {
  /// Messages of each seed; all seeds together make 12,000.
  static let casesPerSeed = 3_000

  @Test("equal verdict, value and canonical bytes, and equal JSON in both directions", arguments: seeds(4))
  func sameAsGoogle(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var cases: [UInt8] = []
    var canonicals: [[UInt8]] = []
    for _ in 0..<Self.casesPerSeed {
      let wire = generator.wire()
      var canonical: [UInt8] = []
      var isAccepted = true
      var json = ""
      do throws(DecodeError) {
        canonical = try AllTypes(protobufBytes: wire).protobufBytes()
        json = try AllTypes.descriptor.json(fromProtobuf: wire)
      } catch {
        isAccepted = false
        if case .containsNUL = error { canonical = Array("NUL".utf8) }
      }
      canonicals.append(canonical)
      for part in [wire, [isAccepted ? UInt8(ascii: "1") : UInt8(ascii: "0")], canonical, Array(json.utf8)] {
        cases.appendCounted(part)
      }
    }
    let answers = try judge(cases, seed)
    #expect(answers.count == Self.casesPerSeed)
    for (index, json) in answers.enumerated() where !json.isEmpty {
      let text = String(decoding: json, as: UTF8.self)
      let message = try AllTypes(json: text)
      // JSON has one NaN, the wire format has many; everything else is reproduced.
      if text.contains("\"NaN\"") { continue }
      try #require(message.protobufBytes() == canonicals[index], "seed \(seed), case \(index): \(text)")
    }
  }

  /// Runs differential.py on the cases; fails if it reports a difference.
  /// - Returns: Google's JSON of each case.
  private func judge(_ cases: [UInt8], _ seed: UInt64) throws -> [[UInt8]] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "streakd-differential-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let casesFile = folder.appendingPathComponent("cases")
    let answersFile = folder.appendingPathComponent("answers")
    let output = folder.appendingPathComponent("output")
    try Data(cases).write(to: casesFile)
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      ProcessInfo.processInfo.environment["STREAKD_PYTHON"] ?? "python3",
      tests.appendingPathComponent("ProtobufCodecTests/differential.py").path,
      tests.appendingPathComponent("proto").path,
      tests.deletingLastPathComponent().appendingPathComponent("proto").path, casesFile.path, answersFile.path,
    ]
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let complaints = String(decoding: try Data(contentsOf: output), as: UTF8.self).split(separator: "\n")
    #expect(complaints.last == "judged \(Self.casesPerSeed)")
    for complaint in complaints.dropLast().prefix(5) { Issue.record("seed \(seed): \(complaint)") }
    var answers: [[UInt8]] = []
    let data = [UInt8](try Data(contentsOf: answersFile))
    var offset = 0
    while offset + 4 <= data.count {
      let count = data[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      answers.append(Array(data[offset + 4..<offset + 4 + count]))
      offset += 4 + count
    }
    return answers
  }
}

extension [UInt8] {
  fileprivate mutating func appendCounted(_ bytes: [UInt8]) {
    for shift in [24, 16, 8, 0] { append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
    append(contentsOf: bytes)
  }
}

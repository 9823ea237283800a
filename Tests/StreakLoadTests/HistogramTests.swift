import Foundation
import SplitMix
import Testing

@testable import StreakLoad

@Suite("Histogram")
struct HistogramTests {
  static let percentiles = [0, 1, 25, 50, 75, 90, 99, 99.9, 99.99, 100]

  @Test("a known series has the percentiles that HdrHistogram's reference gives it")
  func fixedValues() {
    // given: 10,000 values of 1 ms and one of 100 s, in microseconds: the series of HdrHistogram's
    // own documentation
    var histogram = Histogram(lowest: 1, highest: 3_600_000_000, digits: 3)
    for _ in 0..<10_000 { histogram.record(1_000) }
    histogram.record(100_000_000)
    // then: the results of org.HdrHistogram, whose buckets up to 2048 have width one
    #expect(histogram.value(atPercentile: 30) == 1_000)
    #expect(histogram.value(atPercentile: 99) == 1_000)
    #expect(histogram.value(atPercentile: 99.99) == 1_000)
    #expect(histogram.value(atPercentile: 99.999) == 100_007_935)
    #expect(histogram.value(atPercentile: 100) == 100_007_935)
    #expect(histogram.count == 10_001 && histogram.maximum == 100_000_000 && histogram.minimum == 1_000)
  }

  /// The width of the bucket that `value` falls into, found by recording.
  private func bucketWidth(of value: Int64) -> Int64 {
    func end(_ value: Int64) -> Int64 {
      var histogram = Histogram.ofLatencies()
      histogram.record(value)
      return histogram.filled[0].value
    }
    var step: Int64 = 1
    // No step is wider than the bucket, so the first one to leave it ends in the bucket before.
    while step <= value, end(value - step) == end(value) { step *= 2 }
    return step <= value ? end(value) - end(value - step) : end(value) + 1
  }

  @Test("values up to twice the digits' power of ten are exact, and later buckets double in width")
  func bucketWidths() {
    #expect(bucketWidth(of: 0) == 1)
    #expect(bucketWidth(of: 2_047) == 1)
    #expect(bucketWidth(of: 2_048) == 2)
    #expect(bucketWidth(of: 4_095) == 2)
    #expect(bucketWidth(of: 4_096) == 4)
  }

  @Test("the limit is kept, and one past it counts as the limit")
  func limits() {
    var histogram = Histogram(lowest: 1, highest: 1_000, digits: 3)
    histogram.record(1_000)
    #expect(histogram.clampedCount == 0)
    histogram.record(1_001)
    #expect(histogram.clampedCount == 1 && histogram.count == 2 && histogram.maximum == 1_000)
    histogram.record(-1)
    #expect(histogram.minimum == 0)
  }

  @Test("histograms can be added and reset")
  func sums() {
    var (left, right, both) = (Histogram.ofLatencies(), Histogram.ofLatencies(), Histogram.ofLatencies())
    var randomness = SplitMix64(seed: 1)
    for index in 0..<1_000 {
      let value = Int64(randomness.index(below: 1_000_000_000))
      if index % 2 == 0 { left.record(value) } else { right.record(value) }
      both.record(value)
    }
    left.add(right)
    #expect(left == both)
    #expect(
      both.filled.reduce(0) { $0 + $1.count } == 1_000 && both.filled.last.map { $0.value >= both.maximum } == true)
    left.removeAll()
    #expect(left == Histogram.ofLatencies() && left.value(atPercentile: 99) == 0)
  }

  @Test("percentiles agree with the reference in Python to the bucket, and it reads ours", arguments: UInt64(0)..<4)
  func agreesWithReference(seed: UInt64) throws {
    var randomness = SplitMix64(seed: seed)
    var histogram = Histogram.ofLatencies()
    // Long-tailed, like latencies; 20,000, so that every percentile is a whole rank for both.
    let values = (0..<20_000).map { _ -> Int64 in
      Int64(50_000 / (1 - randomness.uniform() * 0.999_999)) + Int64(randomness.index(below: 3_000))
    }
    for value in values { histogram.record(value) }
    let answer = try reference(values, histogram.encoded())
    let ours = Self.percentiles.map { histogram.value(atPercentile: $0) }
    for (index, percentile) in Self.percentiles.enumerated() {
      let width = bucketWidth(of: ours[index])
      #expect(
        abs(answer.recorded[index] - ours[index]) < width,
        "seed \(seed), \(percentile) %: \(ours[index]), the reference has \(answer.recorded[index])")
      // It decodes our bytes to the same counts.
      #expect(answer.decoded[index] == answer.recorded[index], "seed \(seed), \(percentile) %")
      // The values differ at most by a bucket's width.
      let exact = values.sorted()[max(0, Int((percentile.nextDown * 200).rounded(.up)) - 1)]
      #expect(abs(exact - ours[index]) < width, "seed \(seed), \(percentile) %: \(ours[index]) for \(exact)")
    }
    #expect(answer.count == 20_000)
  }

  private struct Answer: Decodable {
    let recorded: [Int64]
    let decoded: [Int64]
    let count: Int
  }

  /// Lets HdrHistogram's Python package record the values, and read our bytes.
  private func reference(_ values: [Int64], _ encoded: [UInt8]) throws -> Answer {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("streak-load-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (input, output) = (folder.appendingPathComponent("input"), folder.appendingPathComponent("output"))
    try JSONSerialization.data(withJSONObject: [
      "values": values, "percentiles": Self.percentiles, "encoded": Data(encoded).base64EncodedString(),
    ]).write(to: input)
    _ = FileManager.default.createFile(atPath: output.path, contents: nil)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      ProcessInfo.processInfo.environment["STREAKD_PYTHON"] ?? "python3",
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("reference.py").path,
      input.path,
    ]
    process.standardOutput = try FileHandle(forWritingTo: output)
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return try JSONDecoder().decode(Answer.self, from: Data(contentsOf: output))
  }
}

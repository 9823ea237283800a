@testable import Operations
import Testing

@Suite struct ArchivedLogTests {
  private static func name(_ number: UInt64) -> String {
    let digits = String(number % 256, radix: 16, uppercase: true)
    return "000000010000000\(number / 256)000000" + (digits.count == 1 ? "0" : "") + digits
  }

  private static func log(_ numbers: [UInt64]) -> ArchivedLog {
    ArchivedLog(names: numbers.reversed().map { name($0) + "-0af3.zst" })
  }

  private static func missing(_ numbers: [UInt64], from start: UInt64, to last: UInt64? = nil) throws -> String? {
    let start = try #require(ArchivedLog.Segment(name(start)))
    return log(numbers).firstMissing(from: start, to: last.flatMap { ArchivedLog.Segment(name($0)) })?.name
  }

  @Test("the first missing segment since a backup is found, also between two files and at the end")
  func gaps() throws {
    #expect(try Self.missing([3, 4, 5], from: 3, to: 5) == nil)
    #expect(try Self.missing([3, 5], from: 3, to: 5) == Self.name(4))
    // Before the backup nothing is needed.
    #expect(try Self.missing([1, 3, 4], from: 3, to: 4) == nil)
    #expect(try Self.missing([254, 255, 256], from: 254, to: 256) == nil)
    #expect(try Self.missing([254, 255, 257], from: 254) == Self.name(256))
    #expect(try Self.missing([3, 4], from: 3, to: 5) == Self.name(5))
    #expect(try Self.missing([], from: 3, to: 3) == Self.name(3))
    #expect(try Self.missing([3], from: 3) == nil)
  }

  @Test("runs end at gaps")
  func runs() {
    let runs = Self.log([7, 1, 2, 255, 256, 9]).runs.map { "\($0.lowerBound.number)-\($0.upperBound.number)" }
    #expect(runs == ["1-2", "7-7", "9-9", "255-256"])
  }

  @Test(
    "names of other files are no segments",
    arguments: ["00000002.history", "", "archive.info", "0000000100000000"])
  func names(name: String) {
    #expect(ArchivedLog.Segment(name) == nil)
  }

  @Test("a backup's segments and end are read from pgBackRest's report")
  func report() {
    let report = """
      stanza: streakd
              full backup: 20261130-165100F
                  timestamp start/stop: 2026-11-30 16:51:00 / 2026-11-30 16:51:03
                  wal start/stop: 000000010000000000000003 / 000000010000000000000004
                  database size: 22.6MB
      """
    let found = Archive.backups(report)
    #expect(found.map(\.end) == ["2026-11-30 16:51:03"] && found[0].start.number == 3 && found[0].stop.number == 4)
  }
}

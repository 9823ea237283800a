internal import struct StreakDomain.Instant

/// The segments of the log that a repository has, and where some are missing: pgBackRest drops the
/// log beyond `archive-push-queue-max`, and tells PostgreSQL that it is stored.
struct ArchivedLog {
  /// A segment's place in the log. streakd's clusters have segments of 16 MiB.
  struct Segment: Comparable {
    private static let perFile: UInt64 = 256

    let number: UInt64
    private let timeline: Substring

    private init(number: UInt64, timeline: Substring) {
      self.number = number
      self.timeline = timeline
    }

    /// The segment of a file's name, such as "000000010000000000000003-SUM.zst": timeline, file and
    /// segment in 8 hexadecimal digits each. Nil for other names.
    init?(_ name: some StringProtocol) {
      let name = Substring(name)
      let digits = name.prefix { $0.isHexDigit }
      guard digits.count == 24, let file = UInt64(digits.dropFirst(8).prefix(8), radix: 16),
        let place = UInt64(digits.suffix(8), radix: 16), place < Self.perFile
      else { return nil }
      self.init(number: file * Self.perFile + place, timeline: digits.prefix(8))
    }

    var next: Segment { Segment(number: number + 1, timeline: timeline) }

    /// As PostgreSQL names it.
    var name: String {
      func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 8 - text.count)) + text
      }
      return "\(timeline)\(digits(number / Self.perFile))\(digits(number % Self.perFile))"
    }

    static func < (one: Segment, other: Segment) -> Bool { one.number < other.number }
    static func == (one: Segment, other: Segment) -> Bool { one.number == other.number }
  }

  /// Ascending.
  let segments: [Segment]

  /// - Parameter names: Of files, in any order.
  init(names: some Sequence<String>) {
    segments = names.filter { !$0.contains(".backup") }.compactMap { Segment($0) }.sorted()
  }

  /// The first segment that is missing.
  ///
  /// - Parameters:
  ///   - start: Only from this one on: a backup begins there.
  ///   - last: PostgreSQL took it for archived; nil: none.
  func firstMissing(from start: Segment, to last: Segment?) -> Segment? {
    var expected = start
    for segment in segments where segment >= expected {
      guard segment == expected else { return expected }
      expected = expected.next
    }
    return last.flatMap { $0 >= expected ? expected : nil }
  }

  /// The segments without the gaps between them, as first and last ones.
  var runs: [ClosedRange<Segment>] {
    var runs: [ClosedRange<Segment>] = []
    for segment in segments {
      if let run = runs.last, segment <= run.upperBound.next {
        runs[runs.count - 1] = run.lowerBound...segment
      } else {
        runs.append(segment...segment)
      }
    }
    return runs
  }
}

/// The counts of one loop. Loop-confined; the loops' counts are summed on request.
struct Recorder: Sendable {
  /// The figures of journeys of one kind, or of calls of one method.
  struct Figures: Sendable {
    var latency = Histogram.ofLatencies()
    /// By the failure's label in a report.
    var failures: [String: Int] = [:]

    /// Successes and failures.
    var count: Int { Int(latency.count) + failureCount }
    var failureCount: Int { failures.values.reduce(0, +) }

    mutating func add(_ other: Figures) {
      latency.add(other.latency)
      failures.merge(other.failures, uniquingKeysWith: +)
    }
  }

  /// The counts since the last sample.
  struct Interval: Sendable {
    var latency = Histogram.ofLatencies(digits: 2)
    var failureCount = 0

    mutating func add(_ other: Interval) {
      latency.add(other.latency)
      failureCount += other.failureCount
    }
  }

  /// Most labels of failures per kind; further ones are counted together.
  static let failureLabelsMax = 50
  /// Most failures whose text is kept.
  static let examplesMax = 20

  /// By `JourneyKind.index`.
  var journeys = Array(repeating: Figures(), count: JourneyKind.allCases.count)
  /// By `LoadMethod.index`.
  var calls: [Figures]
  var interval = Interval()
  /// Delays between the planned and the real start of journeys: the client's own delay, and waits
  /// for a free person.
  var lateness = Histogram.ofLatencies()
  /// The texts of the first failures.
  var examples: [String] = []
  /// Journeys that were skipped because too many were open.
  var notStarted = 0

  init(methodCount: Int) { calls = Array(repeating: Figures(), count: methodCount) }

  mutating func succeeded(_ kind: JourneyKind, nanoseconds: UInt64) {
    let value = Int64(clamping: nanoseconds)
    journeys[kind.index].latency.record(value)
    interval.latency.record(value)
  }

  mutating func failed(_ kind: JourneyKind, _ failure: CallFailure) {
    Self.count(failure, &journeys[kind.index].failures)
    interval.failureCount += 1
    if examples.count < Self.examplesMax, !failure.message.isEmpty {
      examples.append("\(kind.rawValue): \(failure.label): \(failure.message)")
    }
  }

  static func count(_ failure: CallFailure, _ failures: inout [String: Int]) {
    let label = failures.count < failureLabelsMax || failures[failure.label] != nil ? failure.label : "OTHER"
    failures[label, default: 0] += 1
  }

  mutating func add(_ other: Recorder) {
    for index in journeys.indices { journeys[index].add(other.journeys[index]) }
    for index in calls.indices { calls[index].add(other.calls[index]) }
    lateness.add(other.lateness)
    examples = Array((examples + other.examples).prefix(Self.examplesMax))
    notStarted += other.notStarted
  }

  /// Returns the counts since the last sample.
  mutating func takeInterval() -> Interval {
    let taken = interval
    interval.latency.removeAll()
    interval.failureCount = 0
    return taken
  }
}

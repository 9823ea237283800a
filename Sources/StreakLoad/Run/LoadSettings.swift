/// The settings of a run.
package struct LoadSettings: Sendable {
  /// The source of journeys.
  package enum Mode: Sendable, Equatable {
    /// A fixed rate per second, independent of earlier journeys. A journey's latency counts from
    /// its planned start.
    case open(rate: Double)
    /// A number of callers; each starts the next journey when its last one has ended.
    case closed(callers: Int)
  }

  package var mode = Mode.open(rate: 100)
  package var mix: JourneyMix
  package var seconds = 10.0
  /// At the start, without recording; part of `seconds`.
  package var warmUpSeconds = 0.0
  /// For an open loop: the rate grows from a hundredth to the whole during this time; part of
  /// `seconds`.
  package var rampSeconds = 0.0
  /// Gaps between arrivals are those of independent people instead of equal.
  package var isPoisson = false
  package var seed: UInt64 = 0
  /// Threads that make load.
  package var loopCount = 1
  /// Connections, all loops together.
  package var connectionCount = 10
  /// People made before the run.
  package var personCount = 100
  /// Habits of each.
  package var habitCount = 3
  /// Days of history of each habit.
  package var dayCount = 29
  /// Concurrent sign-ups while people are made.
  package var makerCount = 8
  /// Most operations of a `Sync`; the number is random, from 1.
  package var operationsMax = 3
  /// Most open journeys; a further arrival counts as failed.
  package var openJourneysMax = 10_000
  /// Longest wait for running journeys at the end.
  package var drainSeconds = 15.0

  package init(mix: JourneyMix) { self.mix = mix }
}

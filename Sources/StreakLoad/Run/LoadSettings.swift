/// The settings of a run.
public struct LoadSettings: Sendable {
  /// The source of journeys.
  public enum Mode: Sendable, Equatable {
    /// A fixed rate per second, independent of earlier journeys. A journey's latency counts from
    /// its planned start.
    case open(rate: Double)
    /// A number of callers; each starts the next journey when its last one has ended.
    case closed(callers: Int)
  }

  public var mode = Mode.open(rate: 100)
  public var mix: JourneyMix
  public var seconds = 10.0
  /// At the start, without recording; part of `seconds`.
  public var warmUpSeconds = 0.0
  /// For an open loop: the rate grows from a hundredth to the whole during this time; part of
  /// `seconds`.
  public var rampSeconds = 0.0
  /// Gaps between arrivals are those of independent people instead of equal.
  public var isPoisson = false
  public var seed: UInt64 = 0
  /// Threads that make load.
  public var loopCount = 1
  /// Connections, all loops together.
  public var connectionCount = 10
  /// People made before the run.
  public var personCount = 100
  /// Habits of each.
  public var habitCount = 3
  /// Days of history of each habit.
  public var dayCount = 29
  /// Concurrent sign-ups while people are made.
  public var makerCount = 8
  /// Most operations of a `Sync`; the number is random, from 1.
  public var operationsMax = 3
  /// Most open journeys; a further arrival counts as failed.
  public var openJourneysMax = 10_000
  /// Longest wait for running journeys at the end.
  public var drainSeconds = 15.0

  public init(mix: JourneyMix) { self.mix = mix }
}

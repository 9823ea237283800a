/// What a run does.
public struct LoadSettings: Sendable {
  /// How journeys come.
  public enum Mode: Sendable, Equatable {
    /// At a fixed rate for each second, whatever becomes of those before. A journey's latency
    /// counts from when it was meant to begin.
    case open(rate: Double)
    /// So many callers, each of whom begins the next journey when the last one has ended.
    case closed(callers: Int)
  }

  public var mode = Mode.open(rate: 100)
  public var mix: JourneyMix
  public var seconds = 10.0
  /// Before which nothing is recorded; part of `seconds`.
  public var warmUpSeconds = 0.0
  /// Of an open loop: the rate grows from a hundredth to the whole during this time; part of
  /// `seconds`.
  public var rampSeconds = 0.0
  /// Gaps between arrivals are drawn as independent people's instead of being all alike.
  public var isPoisson = false
  public var seed: UInt64 = 0
  /// Threads that make load.
  public var loopCount = 1
  /// Connections, all loops together.
  public var connectionCount = 10
  /// People, made before the run.
  public var personCount = 100
  /// Habits of each.
  public var habitCount = 3
  /// Days of history of each habit.
  public var dayCount = 29
  /// Sign-ups at once while people are made.
  public var makerCount = 8
  /// Operations of a `Sync` at most: from 1 to as many, drawn.
  public var operationsMax = 3
  /// Journeys open at once; beyond them an arrival is counted as failed.
  public var openJourneysMax = 10_000
  /// How long journeys that are open at the end may take.
  public var drainSeconds = 15.0

  public init(mix: JourneyMix) { self.mix = mix }
}

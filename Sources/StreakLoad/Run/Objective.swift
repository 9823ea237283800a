/// The objective that a step of a search must meet.
package struct Objective: Sendable {
  /// A percentile of all journeys' latencies.
  package var percentile: Double
  /// The largest allowed latency at the percentile.
  package var milliseconds: Double
  /// The largest allowed part of failed journeys.
  package var failedPartMax: Double
  /// The smallest allowed part of the planned rate.
  package var reachedPartMin = 0.98

  package init(percentile: Double = 99, milliseconds: Double, failedPartMax: Double = 0) {
    self.percentile = percentile
    self.milliseconds = milliseconds
    self.failedPartMax = failedPartMax
  }
}

/// The result of a search's step.
package struct StepVerdict: Sendable, Equatable {
  package var rate: Double
  /// Nanoseconds, at the objective's percentile.
  package var latency: Int64
  package var failed: Int
  package var reached: Double
  package var isGood: Bool
}

extension Objective {
  /// Judges the counts of a step.
  func judge(rate: Double, latency: Histogram, failed: Int, seconds: Double) -> StepVerdict {
    let value = latency.value(atPercentile: percentile)
    let all = Double(latency.count) + Double(failed)
    let reached = seconds > 0 ? Double(latency.count) / seconds : 0
    let isGood =
      latency.count > 0 && Double(value) <= milliseconds * 1e6 && Double(failed) <= failedPartMax * all
      && reached >= reachedPartMin * rate
    return StepVerdict(rate: rate, latency: value, failed: failed, reached: reached, isGood: isGood)
  }

  /// Judges a run.
  package func judge(rate: Double, _ figures: RunFigures, warmUpSeconds: Double) -> StepVerdict {
    var all = Recorder.Figures()
    for journey in figures.recorder.journeys { all.add(journey) }
    return judge(
      rate: rate, latency: all.latency, failed: all.failureCount + figures.recorder.notStarted + figures.leftOpen,
      seconds: figures.seconds - warmUpSeconds)
  }
}

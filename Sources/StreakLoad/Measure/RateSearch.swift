/// Searches the highest rate that meets an objective: doubles until a step fails, then halves the
/// gap. Pure: rates out, verdicts in.
package struct RateSearch: Sendable {
  /// One step and its result.
  package struct Step: Equatable, Sendable {
    package var rate: Double
    package var isGood: Bool
  }

  /// The search ends when the best rate and the lowest failed one differ by at most this part of
  /// the latter.
  package let precision: Double
  package let rateMax: Double
  package let stepsMax: Int
  package private(set) var steps: [Step] = []
  /// The highest rate that met the objective.
  package private(set) var best: Double?
  /// The lowest rate that did not meet it.
  package private(set) var worst: Double?
  private let firstRate: Double

  package init(firstRate: Double, rateMax: Double, precision: Double = 0.05, stepsMax: Int = 30) {
    precondition(firstRate > 0 && rateMax >= firstRate && precision > 0, "no such search")
    self.firstRate = firstRate
    self.rateMax = rateMax
    self.precision = precision
    self.stepsMax = stepsMax
  }

  /// The next rate to try; nil when the search is over.
  package var next: Double? {
    guard steps.count < stepsMax else { return nil }
    switch (best, worst) {
    case (nil, nil): return firstRate
    case (let best?, nil): return best >= rateMax ? nil : min(best * 2, rateMax)
    case (nil, let worst?):
      // The first step failed already.
      return worst <= firstRate / 1_024 ? nil : worst / 2
    case (let best?, let worst?):
      return worst - best <= precision * worst ? nil : (best + worst) / 2
    }
  }

  /// Takes the result of the step at `rate`.
  package mutating func take(rate: Double, isGood: Bool) {
    steps.append(Step(rate: rate, isGood: isGood))
    // A step may fail by noise below a rate that succeeded: the lower result counts.
    if isGood {
      if worst.map({ rate < $0 }) ?? true { best = max(best ?? rate, rate) }
    } else {
      worst = min(worst ?? rate, rate)
      if let best, best >= rate { self.best = steps.filter { $0.isGood && $0.rate < rate }.map(\.rate).max() }
    }
  }
}

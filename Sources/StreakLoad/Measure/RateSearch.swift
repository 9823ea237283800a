/// Searches the highest rate that meets an objective: doubles until a step fails, then halves the
/// gap. Pure: rates out, verdicts in.
public struct RateSearch: Sendable {
  /// One step and its result.
  public struct Step: Equatable, Sendable {
    public var rate: Double
    public var isGood: Bool
  }

  /// The search ends when the best rate and the lowest failed one differ by at most this part of
  /// the latter.
  public let precision: Double
  public let rateMax: Double
  public let stepsMax: Int
  public private(set) var steps: [Step] = []
  /// The highest rate that met the objective.
  public private(set) var best: Double?
  /// The lowest rate that did not meet it.
  public private(set) var worst: Double?
  private let firstRate: Double

  public init(firstRate: Double, rateMax: Double, precision: Double = 0.05, stepsMax: Int = 30) {
    precondition(firstRate > 0 && rateMax >= firstRate && precision > 0, "no such search")
    self.firstRate = firstRate
    self.rateMax = rateMax
    self.precision = precision
    self.stepsMax = stepsMax
  }

  /// The next rate to try; nil when the search is over.
  public var next: Double? {
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
  public mutating func take(rate: Double, isGood: Bool) {
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

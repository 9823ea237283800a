internal import Glibc
internal import SplitMix

/// The start times of an open loop's journeys, which do not depend on earlier journeys. Times are
/// in nanoseconds from the run's begin.
///
/// The rate grows from `startRate` to `rate` for `rampNanoseconds` and stays there. The schedule
/// follows from the seed alone.
struct ArrivalSchedule: Sendable {
  /// The distribution of the gaps between arrivals.
  enum Spacing: String, Sendable, CaseIterable {
    /// Equal gaps.
    case even
    /// Exponential gaps, as of independent people: bursts included.
    case poisson
  }

  /// Arrivals per second after the ramp.
  let rate: Double
  let startRate: Double
  let rampNanoseconds: UInt64
  let spacing: Spacing
  private var randomness: SplitMix64
  /// The rate's integral at the next arrival.
  private var progress: Double

  /// - Parameter share: Of `loopCount` loops the `loop`-th takes every `loopCount`-th arrival.
  init(
    rate: Double, startRate: Double? = nil, rampNanoseconds: UInt64 = 0, spacing: Spacing = .even, seed: UInt64 = 0,
    loop: Int = 0, loopCount: Int = 1
  ) {
    precondition(rate > 0 && loopCount > 0, "no such schedule")
    self.rate = rate / Double(loopCount)
    self.startRate = (startRate ?? rate) / Double(loopCount)
    self.rampNanoseconds = startRate == nil ? 0 : rampNanoseconds
    self.spacing = spacing
    randomness = SplitMix64(seed: seed &+ UInt64(loop) &* 0x9E37_79B9)
    progress = spacing == .even ? Double(loop) / Double(loopCount) : 0
    if spacing == .poisson { advance() }
  }

  /// The next arrival's time.
  mutating func next() -> UInt64 {
    defer { advance() }
    return time(ofProgress: progress)
  }

  private mutating func advance() {
    switch spacing {
    case .even: progress += 1
    // 1 - uniform is never 0.
    case .poisson: progress -= log(1 - randomness.uniform())
    }
  }

  /// The time at which the rate's integral reaches `arrivals`.
  private func time(ofProgress arrivals: Double) -> UInt64 {
    guard arrivals > 0 else { return 0 }
    let ramp = Double(rampNanoseconds) / 1e9
    let rampArrivals = (startRate + rate) / 2 * ramp
    guard arrivals < rampArrivals else {
      return UInt64(((ramp + (arrivals - rampArrivals) / rate) * 1e9).rounded())
    }
    // startRate t + (rate - startRate) t^2 / (2 ramp) = arrivals, solved without cancellation.
    let slope = (rate - startRate) / ramp
    let root = (startRate * startRate + 2 * slope * arrivals).squareRoot()
    return UInt64((2 * arrivals / (startRate + root) * 1e9).rounded())
  }

  /// The planned rate at a time.
  func rate(atNanoseconds time: UInt64) -> Double {
    guard time < rampNanoseconds else { return rate }
    return startRate + (rate - startRate) * Double(time) / Double(rampNanoseconds)
  }
}

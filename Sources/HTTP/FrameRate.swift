/// How many frames of a kind are taken: this many at once, and then so many each second.
public struct FrameRate: Sendable, Equatable {
  public var burst: Int
  public var perSecond: Int

  public init(burst: Int, perSecond: Int) {
    self.burst = burst
    self.perSecond = perSecond
  }
}

/// What the sessions of one loop share: their limits, their clock, a buffer on the way to the
/// socket, and buffers to use again. Shared so that a connection that does nothing costs little.
/// Loop-confined.
open class HTTPResources {
  public final let limits: HTTPLimits
  /// Milliseconds of a clock that never goes back.
  public final let now: () -> UInt64
  /// Filled, written and emptied by one connection at a time.
  public final let output = HTTPOutputBuffer()
  /// What all sessions hold for their peers.
  public internal(set) final var use = BufferUse()
  /// Exchanges that all sessions have open.
  public internal(set) final var openExchangeCount = 0
  private final var spareBodies: [[UInt8]] = []

  /// Buffers for received bodies that are kept for the next one: an exchange holds one only while
  /// it holds bytes.
  static let spareBodiesMax = 16
  /// Bytes of the largest that is kept.
  static let spareBodyBytesMax = 262_144

  /// - Parameter now: Milliseconds of a clock that never goes back; the default stands still.
  public init(limits: HTTPLimits, now: @escaping () -> UInt64 = { 0 }) {
    self.limits = limits
    self.now = now
  }

  /// An empty buffer with as much room as there is at hand.
  final func takeBody() -> [UInt8] { spareBodies.popLast() ?? [] }

  final func giveBody(_ body: consuming [UInt8]) {
    guard spareBodies.count < Self.spareBodiesMax, body.capacity <= Self.spareBodyBytesMax else { return }
    body.removeAll(keepingCapacity: true)
    spareBodies.append(body)
  }

  /// The loop's connections together hold more than they may of what they have received, or have
  /// more exchanges.
  public final var isOverLimit: Bool {
    use.receivedBytes > limits.receivedBytesPerLoopMax || openExchangeCount > limits.streamsPerLoopMax
  }
}

/// What the sessions of one loop share: their limits, their clock, a buffer on the way to the
/// socket, and streams to use again. Shared so that a connection that does nothing costs little.
/// Loop-confined.
public final class HTTP2Resources {
  /// Streams kept at most.
  static let freeStreamsMax = 512

  let limits: HTTP2Limits
  let now: () -> UInt64
  /// Filled, written and emptied by one connection at a time.
  let output = HTTP2OutputBuffer()
  /// What all sessions hold for their peers.
  public internal(set) var use = BufferUse()
  /// Streams that all sessions have open.
  public internal(set) var openStreamCount = 0
  private var freeStreams: [HTTP2Stream] = []
  private var spareBodies: [[UInt8]] = []

  /// Buffers for received bodies that are kept for the next one: a stream holds one only while it
  /// holds bytes.
  static let spareBodiesMax = 16
  /// Bytes of the largest that is kept.
  static let spareBodyBytesMax = 262_144

  /// - Parameter now: Milliseconds of a clock that never goes back; the default stands still.
  public init(limits: HTTP2Limits, now: @escaping () -> UInt64 = { 0 }) {
    self.limits = limits
    self.now = now
  }

  func takeStream(for session: HTTP2Session) -> HTTP2Stream {
    guard let stream = freeStreams.popLast() else { return HTTP2Stream(session: session) }
    stream.reset(session: session)
    return stream
  }

  /// An empty buffer with as much room as there is at hand.
  func takeBody() -> [UInt8] { spareBodies.popLast() ?? [] }

  func giveBody(_ body: consuming [UInt8]) {
    guard spareBodies.count < Self.spareBodiesMax, body.capacity <= Self.spareBodyBytesMax else { return }
    body.removeAll(keepingCapacity: true)
    spareBodies.append(body)
  }

  func give(_ stream: HTTP2Stream) {
    stream.owner = nil
    stream.template = nil
    stream.dropBody()
    stream.emptyOutbound()
    if freeStreams.count < Self.freeStreamsMax { freeStreams.append(stream) }
  }
}

/// Bytes of memory that are held for peers: what a connection, or all connections of a loop, have
/// of it.
///
/// Of bodies the bytes that have arrived count (what their arrays have beyond that was never
/// touched), of everything else the bytes that are allocated. A stream's first
/// `HTTP2Stream.keptBytesMax` bytes in each direction do not: the number of streams is limited
/// instead, and a small call pays nothing for the counting.
public struct BufferUse: Sendable, Equatable {
  /// Header lists and bodies that have arrived and are not used yet, without room that was set
  /// aside for large messages.
  public internal(set) var receivedBytes = 0
  /// Responses, encrypted bytes and frames that the peer has not taken yet.
  public internal(set) var sendingBytes = 0

  public init() {}
}

extension HTTP2Session {
  /// Notes what a stream holds of what it has received.
  @inline(__always)
  public func countReceived(_ stream: HTTP2Stream) {
    let bytes = stream.receivedHeldBytes
    if bytes != stream.held.receivedBytes { moveReceived(stream, to: bytes) }
  }

  /// Notes what a stream holds of what is to be sent.
  @inline(__always)
  public func countSending(_ stream: HTTP2Stream) {
    let bytes = stream.sendingHeldBytes
    if bytes != stream.held.sendingBytes { moveSending(stream, to: bytes) }
  }

  private func moveReceived(_ stream: HTTP2Stream, to bytes: Int) {
    guard !stream.isClosed else { return }
    addReceived(bytes - stream.held.receivedBytes)
    stream.held.receivedBytes = bytes
  }

  private func moveSending(_ stream: HTTP2Stream, to bytes: Int) {
    guard !stream.isClosed else { return }
    addSending(bytes - stream.held.sendingBytes)
    stream.held.sendingBytes = bytes
  }

  private func addReceived(_ bytes: Int) {
    use.receivedBytes += bytes
    resources.use.receivedBytes += bytes
  }

  private func addSending(_ bytes: Int) {
    use.sendingBytes += bytes
    resources.use.sendingBytes += bytes
  }

  /// The stream is over: it holds nothing any more.
  @inline(__always)
  func settle(_ stream: HTTP2Stream) {
    guard stream.held != BufferUse() else { return }
    addReceived(-stream.held.receivedBytes)
    addSending(-stream.held.sendingBytes)
    stream.held = BufferUse()
  }

  /// Notes whether a header block has begun and not ended. Until then nghttp2 holds its current
  /// field and calls no callback for it.
  func countHeaderBlock() {
    let bytes = headerBlockIsOpen ? Self.headerBlockBytes : 0
    guard bytes != headerBlockHeldBytes else { return }
    addReceived(bytes - headerBlockHeldBytes)
    headerBlockHeldBytes = bytes
  }

  /// What an open header block counts for: nghttp2's largest name and value.
  static let headerBlockBytes = 131_072

  /// Notes what the connection itself holds: bytes that the kernel does not take, and frames behind
  /// them.
  func countUnsent(_ bytes: Int) {
    guard bytes != unsentHeldBytes else { return }
    addSending(bytes - unsentHeldBytes)
    unsentHeldBytes = bytes
  }

  /// The connection is gone.
  func settleConnection() {
    headerBlockIsOpen = false
    countHeaderBlock()
    countUnsent(0)
  }

  /// The connection holds more than it may of what it has received.
  var holdsTooMuch: Bool {
    use.receivedBytes > limits.receivedBytesPerConnectionMax || resources.isOverLimit
  }

  /// Gives up a request that no handler will read: its body and its header fields. Its stream goes
  /// on.
  public func dropRequest(_ stream: HTTP2Stream) {
    stream.discardsInput = true
    consumeReceived(stream)
    stream.dropBody()
    stream.headers.removeAll()
    stream.trailers.removeAll()
    countReceived(stream)
  }

  /// Gives up what would have been sent on a stream.
  public func dropOutbound(_ stream: HTTP2Stream) {
    stream.emptyOutbound()
    countSending(stream)
  }

  /// Gives up what is to be sent on a stream, and ends it.
  public func dropResponse(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    stream.outbound.removeAll()
    stream.outboundOffset = 0
    countSending(stream)
    reset(stream, code: code)
  }
}

extension HTTP2Resources {
  /// The loop's connections together hold more than they may of what they have received, or have
  /// more streams.
  public var isOverLimit: Bool {
    use.receivedBytes > limits.receivedBytesPerLoopMax || openStreamCount > limits.streamsPerLoopMax
  }
}

extension HTTP2Stream {
  /// Bytes that count for what has been received.
  @inline(__always)
  var receivedHeldBytes: Int {
    let body = body.count
    return max(0, (body > Self.keptBytesMax ? body : 0) - reservedBytes) + headers.heldBytes + trailers.heldBytes
  }

  /// Bytes that count for what is to be sent.
  @inline(__always)
  var sendingHeldBytes: Int {
    let bytes = outbound.capacity
    return bytes > Self.keptBytesMax ? bytes : 0
  }
}

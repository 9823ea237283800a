/// One request and its response. Loop-confined.
///
/// What arrives is collected in `headers` and `body`; what is to be sent is appended to `outbound`
/// and leaves as the connection allows. Each HTTP version has a subclass with what its session
/// needs. Exchanges are pooled: after the delegate's `closed(_:code:)` the object belongs to
/// another request, so owners drop theirs there.
open class HTTPExchange {
  /// Received header fields: the request's on a server, the response's on a client. Both versions
  /// begin with pseudo-header fields (RFC 9113, section 8.3).
  public final let headers = ReceivedHeaders()
  /// Received trailer fields; empty until they arrive.
  public final let trailers = ReceivedHeaders()
  /// Received bytes, from `bodyOffset` on those that the owner has not used yet.
  public final var body: [UInt8] = []
  /// Bytes at the front of `body` that were used: moving the rest at once would cost more than to
  /// keep them for a while.
  public private(set) final var bodyOffset = 0
  /// Bytes to send that the session has not taken yet, from `outboundOffset` on.
  public final var outbound: [UInt8] = []
  /// Whatever the owner wants to find again from the session's events.
  public final var owner: AnyObject?
  /// Bytes of the body received so far.
  public final var receivedBytes = 0
  /// The peer will send nothing more of this message.
  public final var receivedEnd = false
  /// The header list was larger than the limit: `headers` holds the part within it.
  public final var headersTooLarge = false
  /// The header fields are complete.
  public final var hasHeaders = false
  /// Header fields of ours have been sent: the peer may know of the exchange.
  public final var isSent = false
  /// When it was opened, on the session's clock.
  public final var openedAtMilliseconds: UInt64 = 0
  /// Bytes of the body sent so far.
  public final var sentBytes = 0
  /// What `sentBytes` was when the sweep looked, and since when.
  public final var progressMark = (sentBytes: 0, milliseconds: UInt64(0))
  /// Received bytes are dropped instead of collected: the answer is decided.
  public final var discardsInput = false

  /// What counts for this exchange in `BufferUse`.
  public final var held = BufferUse()
  /// Bytes that count for what has been received.
  public final var heldReceivedBytes: Int { held.receivedBytes }
  /// Bytes that count for what is to be sent.
  public final var heldSendingBytes: Int { held.sendingBytes }
  /// Bytes of the body for which room was set aside elsewhere.
  public final var reservedBytes = 0
  /// Received bytes whose window the peer has not got back.
  public final var unconsumedBytes = 0
  /// Bytes at the front of `outbound` that the session has taken.
  public final var outboundOffset = 0
  /// Nothing more will be appended to `outbound`.
  public final var outboundEnds = false
  /// The writer waits until the peer has taken more.
  public final var writerWaits = false
  /// The session has reported the end to its delegate.
  public final var isClosed = false
  /// Place in the session's list of open exchanges.
  final var openIndex = 0
  /// Bytes that the peer may send before the owner takes them.
  public final var windowBytes: Int
  private unowned let resources: HTTPResources

  public init(resources: HTTPResources) {
    self.resources = resources
    windowBytes = Int(resources.limits.streamWindowBytes)
  }

  /// Bytes appended and not yet taken by the session.
  public final var outboundBytes: Int { outbound.count - outboundOffset }

  /// Bytes received and not used yet.
  public final var bodyBytes: Int { body.count - bodyOffset }

  /// The first `count` bytes not used before were used.
  public final func useBody(first count: Int) {
    bodyOffset += count
    if bodyOffset == body.count { dropBody() }
  }

  /// All bytes received so far were used, or will not be used.
  public final func dropBody() {
    bodyOffset = 0
    guard body.capacity > Self.keptBytesMax else {
      if !body.isEmpty { body.removeAll(keepingCapacity: true) }
      return
    }
    var used: [UInt8] = []
    swap(&used, &body)
    resources.giveBody(used)
  }

  /// All bytes received so far, for work that takes longer than the turn.
  public final func takeBody() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &body)
    if bodyOffset > 0 { taken.removeFirst(bodyOffset) }
    bodyOffset = 0
    return taken
  }

  /// Gives up memory beyond what a pooled exchange keeps.
  public final func emptyOutbound() {
    let isLarge = outbound.capacity > Self.keptBytesMax
    if isLarge || !outbound.isEmpty { outbound.removeAll(keepingCapacity: !isLarge) }
  }

  /// Appends received bytes.
  public final func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
    if body.isEmpty {
      if bytes.count > body.capacity { body = resources.takeBody() }
    } else if bodyOffset >= Self.usedBytesMin, bodyOffset >= bodyBytes {
      // Now and not when they were used: an owner that keeps up uses the rest before more comes.
      body.removeFirst(bodyOffset)
      bodyOffset = 0
    }
    unsafe body.append(contentsOf: bytes)
  }

  /// Makes the exchange as good as new, keeping its buffers unless they grew large.
  open func reset() {
    headers.removeAll()
    trailers.removeAll()
    dropBody()
    emptyOutbound()
    windowBytes = Int(resources.limits.streamWindowBytes)
    outboundOffset = 0
    owner = nil
    receivedBytes = 0
    receivedEnd = false
    headersTooLarge = false
    held = BufferUse()
    reservedBytes = 0
    discardsInput = false
    hasHeaders = false
    isSent = false
    sentBytes = 0
    progressMark = (0, 0)
    outboundEnds = false
    writerWaits = false
    isClosed = false
    unconsumedBytes = 0
  }

  /// Fewer used bytes are kept in front of the others; more until the others are no more than they.
  static let usedBytesMin = 32_768
  /// Bytes of buffer that a pooled exchange keeps.
  public static let keptBytesMax = 4_096
}

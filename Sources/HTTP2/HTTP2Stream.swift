/// One request and its response. Loop-confined.
///
/// What arrives is collected in `headers` and `body`; what is to be sent is appended to `outbound`
/// and leaves as the peer's windows allow. Streams are pooled: after the delegate's
/// `closed(_:code:)` the object belongs to another stream, so owners drop theirs there.
public final class HTTP2Stream {
  /// The stream's number on its connection.
  public internal(set) var id: Int32 = 0
  /// Received header fields: the request's on a server, the response's on a client.
  public let headers = ReceivedHeaders()
  /// Received trailer fields; empty until they arrive.
  public let trailers = ReceivedHeaders()
  /// Received bytes, from `bodyOffset` on those that the owner has not used yet.
  public var body: [UInt8] = []
  /// Bytes at the front of `body` that were used: moving the rest at once would cost more than to
  /// keep them for a while.
  public private(set) var bodyOffset = 0
  /// Bytes to send that nghttp2 has not taken yet, from `outboundOffset` on.
  public var outbound: [UInt8] = []
  /// Whatever the owner wants to find again from the session's events.
  public var owner: AnyObject?
  /// Bytes of the body received so far.
  public internal(set) var receivedBytes = 0
  /// The peer will send nothing more on this stream.
  public internal(set) var receivedEnd = false
  /// The header list was larger than the limit: `headers` holds the part within it.
  public internal(set) var headersTooLarge = false
  /// Bytes of header fields beyond the limit.
  var refusedListBytes = 0
  /// Whether the request is well-formed so far; of a server's streams.
  var check = RequestCheck()
  /// The header fields are complete.
  public internal(set) var hasHeaders = false
  /// Header fields of ours have been sent: the peer may know of the stream.
  public internal(set) var isSent = false
  /// When it was opened, on the session's clock.
  public internal(set) var openedAtMilliseconds: UInt64 = 0
  /// Bytes of the body sent so far.
  public internal(set) var sentBytes = 0
  /// What `sentBytes` was when somebody looked, and since when: that somebody's alone.
  public var progressMark = (sentBytes: 0, milliseconds: UInt64(0))
  /// Received bytes are dropped instead of collected: the answer is decided.
  public var discardsInput = false

  /// What counts for this stream in `BufferUse`.
  var held = BufferUse()
  /// Bytes that count for what has been received.
  public var heldReceivedBytes: Int { held.receivedBytes }
  /// Bytes that count for what is to be sent.
  public var heldSendingBytes: Int { held.sendingBytes }
  /// Bytes of the body for which room was set aside elsewhere.
  public var reservedBytes = 0
  /// Received bytes whose window the peer has not got back.
  var unconsumedBytes = 0
  var outboundOffset = 0
  /// Nothing more will be appended to `outbound`.
  var outboundEnds = false
  /// What to send after `outbound`; nil ends the stream with the data.
  var outboundTrailers: OutboundTrailers?
  /// nghttp2 was told that there is nothing to send now, and waits to be told otherwise.
  var isDeferred = false
  /// The writer was told to wait.
  var writerWaits = false
  var isClosed = false
  /// Whose memory the request's header fields lie in.
  var template: RequestTemplate?
  /// Place in the session's list of open streams.
  var openIndex = 0
  /// Bytes that the peer may send before we take them.
  public internal(set) var windowBytes: Int
  private unowned let resources: HTTP2Resources
  // Of the session it belongs to now.
  var headerListBytesMax: Int
  var outboundBytesMax: Int
  var role: HTTP2Session.Role

  enum OutboundTrailers {
    /// `grpc-status: 0` and nothing else.
    case grpcOK
    case fields(HeaderBlock)
  }

  init(session: HTTP2Session) {
    headerListBytesMax = session.limits.headerListBytesMax
    outboundBytesMax = session.limits.outboundBytesMax
    role = session.role
    windowBytes = Int(session.limits.streamWindowBytes)
    resources = session.resources
  }

  /// Bytes appended and not yet taken by nghttp2.
  public var outboundBytes: Int { outbound.count - outboundOffset }

  /// Bytes received and not used yet.
  public var bodyBytes: Int { body.count - bodyOffset }

  /// The first `count` bytes not used before were used.
  public func useBody(first count: Int) {
    bodyOffset += count
    if bodyOffset == body.count { dropBody() }
  }

  /// All bytes received so far were used, or will not be used.
  public func dropBody() {
    bodyOffset = 0
    guard body.capacity > Self.keptBytesMax else {
      if !body.isEmpty { body.removeAll(keepingCapacity: true) }
      return
    }
    var used: [UInt8] = []
    swap(&used, &body)
    resources.giveBody(used)
  }

  /// Gives up memory beyond what a pooled stream keeps.
  func emptyOutbound() {
    let isLarge = outbound.capacity > Self.keptBytesMax
    if isLarge || !outbound.isEmpty { outbound.removeAll(keepingCapacity: !isLarge) }
  }

  /// Appends received bytes.
  func receive(_ bytes: UnsafeBufferPointer<UInt8>) {
    if body.isEmpty {
      if bytes.count > body.capacity { body = resources.takeBody() }
    } else if bodyOffset >= Self.usedBytesMin, bodyOffset >= bodyBytes {
      // Now and not when they were used: whoever keeps up uses the rest before more comes.
      body.removeFirst(bodyOffset)
      bodyOffset = 0
    }
    unsafe body.append(contentsOf: bytes)
  }

  /// Makes the stream as good as new, keeping its buffers unless they grew large.
  func reset(session: HTTP2Session) {
    headerListBytesMax = session.limits.headerListBytesMax
    outboundBytesMax = session.limits.outboundBytesMax
    role = session.role
    headers.removeAll()
    trailers.removeAll()
    dropBody()
    emptyOutbound()
    windowBytes = Int(session.limits.streamWindowBytes)
    outboundOffset = 0
    owner = nil
    receivedBytes = 0
    receivedEnd = false
    headersTooLarge = false
    refusedListBytes = 0
    check = RequestCheck()
    held = BufferUse()
    reservedBytes = 0
    discardsInput = false
    hasHeaders = false
    isSent = false
    sentBytes = 0
    progressMark = (0, 0)
    outboundEnds = false
    outboundTrailers = nil
    isDeferred = false
    writerWaits = false
    isClosed = false
    unconsumedBytes = 0
  }

  /// Fewer used bytes are kept in front of the others; more until the others are no more than they.
  static let usedBytesMin = 32_768
  /// Bytes of buffer that a pooled stream keeps.
  static let keptBytesMax = 4_096
}

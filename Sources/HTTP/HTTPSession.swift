/// What happens on a session. Called from within `receive(_:)` and `produce(into:)`, on the loop's
/// thread.
public protocol HTTPSessionDelegate: AnyObject {
  /// The peer has shown that it speaks the session's protocol: its first SETTINGS have come, or its
  /// first request.
  func established()
  /// All header fields of a request (on a server) or response (on a client) are in
  /// `exchange.headers`.
  func receivedHeaders(_ exchange: HTTPExchange)
  /// More bytes are in `exchange.body`, or its end was reached (`exchange.receivedEnd`), or its
  /// trailers have come.
  func receivedBody(_ exchange: HTTPExchange)
  /// The exchange is over: `code` is `noError` after an orderly end.
  func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode)
  /// After `needsDrain`: the outbound bytes fell to half the limit.
  func drained(_ exchange: HTTPExchange)
  /// The peer asked us to open no more streams than `lastStreamID`. HTTP/2 only.
  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode)
}

extension HTTPSessionDelegate {
  public func established() {}
}

/// Versions of HTTP that have a session.
public enum HTTPVersion: String, Sendable, CaseIterable {
  /// RFC 9112, and HTTP/1.0.
  case http1 = "1.1"
  /// RFC 9113.
  case http2 = "2"
}

/// One connection's protocol state: bytes in, events out; submissions in, bytes out. No I/O of its
/// own. Loop-confined.
///
/// What all sessions count and list is in `HTTPSessionState`; here is what each protocol does its
/// own way.
public protocol HTTPSession: HTTPSessionState {
  var version: HTTPVersion { get }

  // MARK: The connection

  /// Feeds bytes from the peer; events follow before it returns.
  func receive(_ bytes: RawSpan) throws(HTTPError)
  /// The peer sends nothing more: requests that are whole are still answered, others end. Servers
  /// only.
  func receivedEnd()
  /// Appends what there is to send to `output`, until it is full.
  func produce(into output: HTTPOutputBuffer) throws(HTTPError)
  /// Neither side has anything left to say: the connection can be closed.
  var isFinished: Bool { get }
  /// Bytes from the peer are not to be read now: what came before has to be used first.
  var pausesReading: Bool { get }
  /// What the peer did too much of, once it has; the connection is to be closed.
  var flood: HTTPFlood? { get }
  /// Frames, or the like, that wait to be sent.
  var outboundFrameCount: Int { get }
  /// Bytes that each of those costs beside what it refers to.
  static var outboundFrameBytes: Int { get }
  /// Notes what a header list that has not ended holds, in `use`.
  func countHeaderBlock()
  /// The connection is gone: every open exchange ends. Nothing may be received, submitted or
  /// produced after this.
  func abandon()
  /// Announces that no requests will be accepted soon, without refusing those on their way.
  func submitShutdownNotice()
  /// Refuses requests from now on; those open go on.
  func refuseRequests()
  /// Asks the peer for a sign of life, where the protocol has one.
  func submitPing()
  /// A ping of ours has not been answered.
  var pingIsOutstanding: Bool { get }
  /// Bytes of the largest header list that the peer wants to be sent, as far as it has said so.
  var peerHeaderListBytesMax: Int { get }

  // MARK: Responses

  /// Sends header fields; the body is what is appended to `outbound` until `finish`.
  func submitResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock)
  /// Sends header fields that never change; the body is what is appended to `outbound` until
  /// `finish`.
  func submitResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders)
  /// Sends a response without a body.
  func submitHeadersOnlyResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock)
  /// Sends a response whose whole body lies in `outbound`.
  func submitWholeResponse(_ exchange: HTTPExchange, _ headers: HeaderBlock)
  /// Sends header fields that never change, and a body that lies in `outbound` as a whole.
  func submitWholeResponse(_ exchange: HTTPExchange, constant headers: ConstantHeaders)
  /// More was appended to `outbound`.
  func resume(_ exchange: HTTPExchange)
  /// Ends what this side sends, with trailer fields or without. HTTP/1.1 drops trailer fields.
  func finish(_ exchange: HTTPExchange, trailers: HeaderBlock?)
  /// Ends what this side sends with trailer fields that never change.
  func finish(_ exchange: HTTPExchange, constantTrailers: ConstantHeaders)
  /// Ends the exchange at once in both directions; in HTTP/1.1 with its connection.
  func reset(_ exchange: HTTPExchange, code: HTTP2ErrorCode)

  // MARK: Flow control

  /// Lets the peer send as many bytes again as the first `count` that were not given back yet, by
  /// default all received so far.
  func consumeReceived(_ exchange: HTTPExchange, first count: Int)
  /// Bytes that the peer may send on the exchange without being given back more of its window.
  func receivableBytes(_ exchange: HTTPExchange) -> Int
  /// Whether the peer sends a body too slowly for the connection to be kept. HTTP/1.1 only.
  func senderIsSlow(atMilliseconds now: UInt64) -> Bool
  /// Answers a request whose head does not come to its end, and ends the connection behind the
  /// answer. HTTP/1.1 only.
  /// - Returns: false when there is no such request.
  func refuseSlowHead() -> Bool
  /// Lets the peer send more at once on an exchange that has proved to be busy, while there are not
  /// too many of them.
  func widenIfBusy(_ exchange: HTTPExchange)
}

/// A client's session.
public protocol HTTPClientSession: HTTPSession {
  /// Starts a request, whose body is what is appended to `outbound` until `finish`.
  /// - Returns: nil when the connection takes no more requests, or a field cannot be sent.
  func submitRequest(_ headers: HeaderBlock) -> HTTPExchange?
}

extension HTTPSession {
  public func receivedEnd() {}

  public func senderIsSlow(atMilliseconds now: UInt64) -> Bool { false }

  public func refuseSlowHead() -> Bool { false }

  /// Lets the peer send as many bytes again as were received and not given back yet.
  public func consumeReceived(_ exchange: HTTPExchange) { consumeReceived(exchange, first: .max) }

  /// Lets the peer send as many bytes again as were received, but for those that the exchange's
  /// owner has not used yet.
  public func consumeUsed(_ exchange: HTTPExchange) {
    consumeReceived(exchange, first: exchange.unconsumedBytes - exchange.bodyBytes)
  }

  /// Appends to what the exchange sends.
  public func append(to exchange: HTTPExchange, _ body: (inout [UInt8]) -> Void) {
    body(&exchange.outbound)
    resume(exchange)
  }

  /// Whether the writer should wait for `drained(_:)` before appending more; asking sets up that
  /// call.
  public func needsDrain(_ exchange: HTTPExchange) -> Bool {
    guard exchange.outboundBytes >= limits.outboundBytesMax, !exchange.isClosed else { return false }
    exchange.writerWaits = true
    return true
  }

  /// Gives up a request that no handler will read: its body and its header fields. Its exchange
  /// goes on.
  public func dropRequest(_ exchange: HTTPExchange) {
    exchange.discardsInput = true
    consumeReceived(exchange)
    exchange.dropBody()
    exchange.headers.removeAll()
    exchange.trailers.removeAll()
    countReceived(exchange)
  }

  /// Gives up what is to be sent on an exchange, and ends it.
  public func dropResponse(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
    exchange.outbound.removeAll()
    exchange.outboundOffset = 0
    countSending(exchange)
    reset(exchange, code: code)
  }
}

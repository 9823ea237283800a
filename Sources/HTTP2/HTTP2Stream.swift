public import HTTP

/// One stream of HTTP/2: an exchange with what nghttp2 needs to know of it. Loop-confined.
public final class HTTP2Stream: HTTPExchange {
  /// The stream's number on its connection.
  public internal(set) var id: Int32 = 0
  /// Bytes of header fields beyond the limit.
  var refusedListBytes = 0
  /// Whether the request is well-formed so far; of a server's streams.
  var check = RequestCheck()
  /// What to send after `outbound`; nil ends the stream with the data.
  var outboundTrailers: OutboundTrailers?
  /// nghttp2 got `NGHTTP2_ERR_DEFERRED`, and sends nothing until the stream is resumed.
  var isDeferred = false
  /// The template whose memory the request's header fields lie in.
  var template: RequestTemplate?
  // Of the session it belongs to now.
  var headerListBytesMax: Int
  var outboundBytesMax: Int
  var role: HTTP2Session.Role

  enum OutboundTrailers {
    case constant(ConstantHeaders)
    case fields(HeaderBlock)
  }

  init(session: HTTP2Session) {
    headerListBytesMax = session.limits.headerListBytesMax
    outboundBytesMax = session.limits.outboundBytesMax
    role = session.role
    super.init(resources: session.resources)
  }

  /// Makes the stream as good as new for a session of the same loop.
  func reset(session: HTTP2Session) {
    headerListBytesMax = session.limits.headerListBytesMax
    outboundBytesMax = session.limits.outboundBytesMax
    role = session.role
    refusedListBytes = 0
    check = RequestCheck()
    outboundTrailers = nil
    isDeferred = false
    super.reset()
  }
}

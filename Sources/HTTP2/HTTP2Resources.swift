public import HTTP

/// What the HTTP/2 sessions of one loop share beside `HTTPResources`: streams to use again.
/// Loop-confined.
public final class HTTP2Resources: HTTPResources {
  /// Streams kept at most.
  static let freeStreamsMax = 512

  private var freeStreams: [HTTP2Stream] = []

  func takeStream(for session: HTTP2Session) -> HTTP2Stream {
    guard let stream = freeStreams.popLast() else { return HTTP2Stream(session: session) }
    stream.reset(session: session)
    return stream
  }

  func give(_ stream: HTTP2Stream) {
    stream.owner = nil
    stream.template = nil
    stream.dropBody()
    stream.emptyOutbound()
    if freeStreams.count < Self.freeStreamsMax { freeStreams.append(stream) }
  }
}

import EventLoop
import HTTP
import HTTP2

/// One call on the wire, for parts that `RPCChannel` hides or would never send. Loop-confined.
final class RawCall: HTTPConnectionDelegate {
  /// The response, undecoded.
  struct Response: Sendable {
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var trailers: [String: String] = [:]
    /// Size of the first header list as RFC 9113 section 6.5.2 counts it.
    var headerListBytes = 0

    /// `grpc-status`, from the trailers or the headers.
    var status: String? { trailers["grpc-status"] ?? headers["grpc-status"] }
    /// The flag bytes of the messages, in order.
    var flags: [UInt8] {
      var flags: [UInt8] = []
      var offset = 0
      while offset + 5 <= body.count {
        flags.append(body[offset])
        offset += 5 + body[offset + 1..<offset + 5].reduce(0) { $0 << 8 | Int($1) }
      }
      return flags
    }
  }

  private let connection: HTTPConnection
  private var response = Response()
  private var isOver = false
  private var waiter: CheckedContinuation<Void, Never>?

  private let session: HTTP2Session

  private init(_ connection: HTTPConnection, _ session: HTTP2Session) {
    self.connection = connection
    self.session = session
    connection.start(delegate: self)
  }

  /// Sends `body` unchanged, after the fields of a call and `metadata`, on a connection of its own.
  static func make(
    to address: SocketAddress, loop: EventLoop, path: String, metadata: [(name: String, value: String)], body: [UInt8],
    limits: HTTPLimits = HTTPLimits()
  ) async throws -> Response {
    try await Task(executorPreference: loop) {
      let session = try HTTP2Session(
        role: .client, resources: HTTP2Resources(limits: limits, now: { loop.nowMilliseconds }))
      let connection = HTTPConnection(
        connected: try await SocketConnection.connect(loop: loop, to: address), loop: loop, session: session)
      let call = RawCall(connection, session)
      call.send(path, metadata, body)
      if !call.isOver { await withCheckedContinuation { call.waiter = $0 } }
      connection.close()
      return call.response
    }.value
  }

  private func send(_ path: String, _ metadata: [(name: String, value: String)], _ body: [UInt8]) {
    var fields = HeaderBlock()
    for (name, value) in [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"), ("te", "trailers"),
      ("content-type", "application/grpc"),
    ] + metadata.map({ ($0.name, $0.value) }) {
      fields.append(name: name, value: value)
    }
    guard let stream = session.submitRequest(fields) else { return end() }
    session.append(to: stream) { $0.append(contentsOf: body) }
    session.finish(stream, trailers: nil)
    connection.needsFlush()
  }

  private func end() {
    isOver = true
    waiter?.resume()
    waiter = nil
  }

  func receivedHeaders(_ stream: HTTPExchange) {
    response.headers = Self.fields(stream.headers)
    response.headerListBytes = stream.headers.listBytes
  }

  func receivedBody(_ stream: HTTPExchange) {
    response.body += stream.body
    stream.body.removeAll()
    session.consumeReceived(stream)
    connection.needsFlush()
  }

  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    response.trailers = Self.fields(stream.trailers)
    end()
  }

  func drained(_ stream: HTTPExchange) {}

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

  func connectionClosed() { end() }

  private static func fields(_ received: ReceivedHeaders) -> [String: String] {
    Dictionary(received.fields.map { (received.name(of: $0), received.value(of: $0)) }) { first, _ in first }
  }
}

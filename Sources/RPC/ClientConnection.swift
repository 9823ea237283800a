internal import EventLoop
internal import HTTP2

/// The calls on a client's connection. Loop-confined.
final class ClientConnection: HTTP2ConnectionDelegate {
  private let connection: HTTP2Connection
  private let scheme: String
  private let authority: String
  private var handshakeTimer: LoopTimer?
  private var handshakeIsLate = false

  /// - Parameter handshakeMilliseconds: From connecting to the server's first SETTINGS; then the connection is closed.
  init(_ connection: HTTP2Connection, scheme: String, authority: String, handshakeMilliseconds: UInt64) {
    self.scheme = scheme
    self.connection = connection
    self.authority = authority
    connection.start(delegate: self)
    guard !connection.isClosed else { return }
    handshakeTimer = connection.loop.schedule(afterMilliseconds: handshakeMilliseconds) { [unowned self] in
      guard !connection.session.isEstablished else { return }
      handshakeIsLate = true
      connection.close()
    }
  }

  func close() { connection.close() }

  func call(
    _ path: String, request: [UInt8], metadata: [(name: String, value: String)], timeoutMilliseconds: UInt64?,
    encoding: MessageEncoding, onResponse: @escaping @Sendable ([UInt8]) -> Void
  ) async throws(RPCStatus) -> [(name: String, value: String)] {
    var headers = HeaderBlock()
    headers.append(name: ":method", value: "POST")
    headers.append(name: ":scheme", value: scheme)
    headers.append(name: ":path", value: path)
    headers.append(name: ":authority", value: authority)
    headers.append(name: "te", value: "trailers")
    headers.append(name: "content-type", value: "application/grpc")
    headers.append(name: "user-agent", value: "streakd-swift/1")
    headers.append(name: "grpc-accept-encoding", value: MessageEncoding.accepted)
    if encoding == .gzip { headers.append(name: "grpc-encoding", value: "gzip") }
    if let timeoutMilliseconds {
      headers.append(name: "grpc-timeout", value: GRPCTimeout.text(milliseconds: timeoutMilliseconds))
    }
    for (name, value) in metadata { headers.append(name: name, value: value) }
    guard !connection.isClosed, let stream = connection.session.submitRequest(headers) else {
      throw closedStatus
    }
    let call = ClientCall(stream: stream, connection: connection, onResponse: onResponse)
    stream.owner = call
    connection.session.append(to: stream) { outbound in
      switch encoding {
      case .identity: MessageFraming.append(to: &outbound) { $0.append(contentsOf: request) }
      case .gzip: MessageFraming.appendCompressed(to: &outbound) { $0.append(contentsOf: request) }
      }
    }
    connection.session.finish(stream, trailers: nil)
    connection.needsFlush()
    let timer = timeoutMilliseconds.map { milliseconds in
      connection.loop.schedule(afterMilliseconds: milliseconds) {
        call.abandon(RPCStatus(.deadlineExceeded, "No answer within \(milliseconds) ms."))
      }
    }
    defer { timer?.cancel() }
    return try await call.outcome()
  }

  private var closedStatus: RPCStatus {
    if case .tls(let error) = connection.end { return RPCStatus(.unavailable, "\(authority): \(error)") }
    if handshakeIsLate { return RPCStatus(.unavailable, "\(authority) did not answer the handshake in time.") }
    return RPCStatus(.unavailable, "The connection to \(authority) is closed.")
  }

  func receivedHeaders(_ stream: HTTP2Stream) {
    (stream.owner as? ClientCall)?.receivedHeaders(stream)
  }

  func receivedBody(_ stream: HTTP2Stream) {
    (stream.owner as? ClientCall)?.receivedBody(stream)
    connection.needsFlush()
  }

  func closed(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {
    let call = stream.owner as? ClientCall
    stream.owner = nil
    if connection.isClosed { call?.lost(closedStatus) } else { call?.closed(stream, code: code) }
  }

  func drained(_ stream: HTTP2Stream) {}

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

  func connectionClosed() { handshakeTimer = nil }
}

public import EventLoop
internal import HTTP2
public import TLS

/// A client's connection to one server. Calls may be made from any task; the connection lives on its loop.
public final class RPCClient: Sendable {
  /// The loop that owns the connection.
  public let loop: EventLoop
  private let connection: LoopBound<ClientConnection>

  private init(loop: EventLoop, connection: LoopBound<ClientConnection>) {
    self.loop = loop
    self.connection = connection
  }

  /// Connects.
  /// - Parameters:
  ///   - tls: A client's context; nil: in cleartext.
  ///   - serverName: Whom the server's certificate must be for, and the calls' authority; nil: the address.
  ///   - handshakeMilliseconds: How long TLS and the server's first SETTINGS may take; then the connection is closed.
  /// - Throws: `.unavailable` when nobody answers at `address`.
  public static func connect(
    to address: SocketAddress, loop: EventLoop, tls: TLSContext? = nil, serverName: String? = nil,
    handshakeMilliseconds: UInt64 = 10_000
  ) async throws(RPCStatus) -> RPCClient {
    let outcome = await Task(executorPreference: loop) { () -> Result<LoopBound<ClientConnection>, RPCStatus> in
      do {
        let socket = try await SocketConnection.connect(loop: loop, to: address)
        let http2 = try HTTP2Connection(
          role: .client, socket: socket, loop: loop,
          resources: HTTP2Resources(limits: HTTP2Limits(), now: { loop.nowMilliseconds }),
          tls: try tls?.connectSession(host: serverName ?? address.host))
        let connection = ClientConnection(
          http2, scheme: tls == nil ? "http" : "https",
          authority: serverName ?? (address.isUnix ? "localhost" : "\(address)"),
          handshakeMilliseconds: handshakeMilliseconds)
        return .success(LoopBound(connection, loop: loop))
      } catch {
        return .failure(RPCStatus(.unavailable, "\(address): \(error)"))
      }
    }.value
    return RPCClient(loop: loop, connection: try outcome.get())
  }

  /// Makes a call that sends one message, and hands out each message of the response.
  /// - Parameters:
  ///   - path: Such as `/streak.v1.AccountService/SignIn`.
  ///   - request: The encoded message.
  ///   - metadata: Request headers, names in lower case.
  ///   - timeoutMilliseconds: After this the call ends with `.deadlineExceeded`; sent to the server as well.
  ///   - encoding: Gzip compresses the request. A server that cannot expand it refuses the call with `.unimplemented`.
  ///   - onResponse: Called on the loop's thread with each encoded response, in order.
  /// - Returns: The trailing metadata.
  /// - Throws: The status of a call that did not succeed.
  @discardableResult
  public func call(
    _ path: String, request: [UInt8], metadata: [(name: String, value: String)] = [],
    timeoutMilliseconds: UInt64? = nil, encoding: MessageEncoding = .identity,
    onResponse: @escaping @Sendable ([UInt8]) -> Void
  ) async throws(RPCStatus) -> [(name: String, value: String)] {
    let connection = connection
    let loop = loop
    let task = Task(executorPreference: loop) { () -> Result<[(name: String, value: String)], RPCStatus> in
      do throws(RPCStatus) {
        return .success(
          try await connection.value.call(
            path, request: request, metadata: metadata, timeoutMilliseconds: timeoutMilliseconds,
            encoding: encoding, onResponse: onResponse))
      } catch {
        return .failure(error)
      }
    }
    let result = await withTaskCancellationHandler {
      await task.value
    } onCancel: {
      task.cancel()
    }
    return try result.get()
  }

  /// Closes the connection; open calls end with `.unavailable`.
  public func close() {
    let connection = connection
    loop.execute { connection.value.close() }
  }
}

public import EventLoop
public import ProtobufCodec
public import TLS

/// A client's way to one service: it connects when a call is made, again when the connection is
/// lost, and repeats calls that the server has not begun. Calls may be made from any task; the
/// connection lives on its loop.
public final class RPCChannel: Sendable {
  /// The loop that owns the connection.
  public let loop: EventLoop
  private let connector: LoopBound<ChannelConnector>
  private let rpcProtocol: ClientProtocol

  /// Nothing is connected before the first call.
  /// - Parameter tls: A client's context; nil: in cleartext.
  public init(
    to target: ChannelTarget, loop: EventLoop, tls: TLSContext? = nil, options: ChannelOptions = ChannelOptions()
  ) {
    self.loop = loop
    rpcProtocol = options.rpcProtocol
    connector = LoopBound(ChannelConnector(target: target, loop: loop, tls: tls, options: options), loop: loop)
  }

  deinit { close() }

  /// Closes the connection: calls under way end with `.unavailable`, and later ones fail at once.
  public func close() {
    let connector = connector
    loop.execute { connector.value.close() }
  }

  /// Starts a call.
  /// - Parameter request: The encoded request of a method that takes one; nil for a method that
  ///   takes a stream of them.
  public func start(
    _ method: MethodDescriptor, request: [UInt8]?, options: CallOptions = CallOptions()
  ) -> RPCCall {
    let connector = connector
    let call = LoopBound(
      ClientCall(method, rpcProtocol, options, onlyRequest: request, channel: connector), loop: loop)
    loop.execute { call.value.start() }
    return RPCCall(loop: loop, call: call)
  }

  /// Makes a call that sends one message and gets one.
  /// - Throws: The status of a call that did not succeed.
  public func unary<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: MethodDescriptor, _ request: Request, _ type: Response.Type = Response.self,
    options: CallOptions = CallOptions()
  ) async throws(RPCStatus) -> UnaryReply<Response> {
    try await ClientStream<Request, Response>(start(method, request: request.protobufBytes(), options: options))
      .onlyReply()
  }

  /// Makes a call that sends one message and gets many.
  public func serverStreaming<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: MethodDescriptor, _ request: Request, _ type: Response.Type = Response.self,
    options: CallOptions = CallOptions()
  ) -> ClientStream<Request, Response> {
    ClientStream(start(method, request: request.protobufBytes(), options: options))
  }

  /// Makes a call that sends many messages.
  public func streaming<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: MethodDescriptor, _ requestType: Request.Type = Request.self,
    _ responseType: Response.Type = Response.self, options: CallOptions = CallOptions()
  ) -> ClientStream<Request, Response> {
    ClientStream(start(method, request: nil, options: options))
  }
}

/// What came back from a call that succeeded.
public struct UnaryReply<Response: Sendable>: Sendable {
  public let message: Response
  /// Header fields before the message.
  public let initialMetadata: [(name: String, value: String)]
  /// Header fields after it.
  public let trailingMetadata: [(name: String, value: String)]
}

/// A call under way. May be used from any task. Dropping it, or cancelling a task that waits in one
/// of its methods, cancels the call.
public struct ClientStream<Request: ProtobufMessage, Response: ProtobufMessage>: Sendable {
  /// The same call, with its messages encoded.
  public let call: RPCCall

  init(_ call: RPCCall) { self.call = call }

  /// Sends one request; suspends while there is no connection, or the server takes no more.
  /// - Throws: The call's status, once it is over: `.ok` if the server ended it well without
  ///   waiting for this request.
  public func send(_ request: Request) async throws(RPCStatus) { try await call.send(request.protobufBytes()) }

  /// Says that no more requests follow.
  public func finishSending() async { await call.finishSending() }

  /// The next response; nil after the last one of a call that succeeded.
  /// - Throws: The status of a call that did not succeed, after the responses that came before it.
  public func next() async throws(RPCStatus) -> Response? {
    guard let bytes = try await call.next() else { return nil }
    return try Self.decode(bytes)
  }

  /// The only response of a method that sends one, after the last request.
  public func onlyReply() async throws(RPCStatus) -> UnaryReply<Response> {
    let reply = try await call.onlyReply()
    return UnaryReply(
      message: try Self.decode(reply.message), initialMetadata: reply.initialMetadata,
      trailingMetadata: reply.trailingMetadata)
  }

  private static func decode(_ bytes: [UInt8]) throws(RPCStatus) -> Response {
    do throws(DecodeError) {
      return try Response(protobufBytes: bytes)
    } catch {
      throw RPCStatus(.internal, "A response cannot be decoded: \(error)")
    }
  }

  /// Gives the call up.
  public func cancel() { call.cancel() }
}

import EventLoop
import ProtobufCodec
import RPC
import Synchronization
import TestSchema
import Testing

/// An echo server and a client connected to it, over real sockets on loopback.
struct Fixture {
  let thread: EventLoopThread
  let server: RPCServer
  let client: RPCChannel

  static func with(
    limits: RPCLimits = RPCLimits(), methods: [ServerMethod] = EchoService().methods,
    interceptors: [any ServerInterceptor] = [], _ body: (Fixture) async throws -> Void
  ) async throws {
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(
      address: address, loops: [thread.loop], limits: limits, interceptors: { _ in interceptors }
    ) { _ in methods }
    let client = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop)
    let fixture = Fixture(thread: thread, server: server, client: client)
    try await body(fixture)
    client.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
  }

  /// Calls and returns the decoded responses.
  func call(
    _ method: MethodDescriptor, _ request: EchoMessage, metadata: [(name: String, value: String)] = [],
    timeoutMilliseconds: UInt64? = nil, encoding: MessageEncoding = .identity
  ) async throws(RPCStatus) -> [EchoMessage] {
    try await client.responses(
      method, request.protobufBytes(),
      CallOptions(metadata: metadata, timeoutMilliseconds: timeoutMilliseconds, encoding: encoding))
  }
}

extension RPCChannel {
  /// Calls and returns the decoded responses.
  func responses(
    _ method: MethodDescriptor, _ request: [UInt8] = [], _ options: CallOptions = CallOptions()
  ) async throws(RPCStatus) -> [EchoMessage] {
    let call = start(method, request: request, options: options)
    var messages: [EchoMessage] = []
    while let bytes = try await call.next() {
      if let message = try? EchoMessage(protobufBytes: bytes) { messages.append(message) }
    }
    return messages
  }
}

func status(_ body: () async throws -> Void) async -> RPCStatus? {
  do { try await body() } catch { return error as? RPCStatus }
  return nil
}

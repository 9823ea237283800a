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
  let client: RPCClient

  static func with(
    limits: RPCLimits = RPCLimits(), methods: [ServerMethod] = EchoService().methods,
    interceptors: [any ServerInterceptor] = [], _ body: (Fixture) async throws -> Void
  ) async throws {
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(
      address: address, loops: [thread.loop], limits: limits, interceptors: { _ in interceptors }
    ) { _ in methods }
    let client = try await RPCClient.connect(to: server.address, loop: thread.loop)
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
    let responses = Collected()
    try await client.call(
      method.path, request: request.protobufBytes(), metadata: metadata, timeoutMilliseconds: timeoutMilliseconds,
      encoding: encoding
    ) { responses.append($0) }
    return responses.messages
  }
}

final class Collected: Sendable {
  private let bytes = Mutex<[[UInt8]]>([])
  func append(_ message: [UInt8]) { bytes.withLock { $0.append(message) } }
  var messages: [EchoMessage] { bytes.withLock { $0 }.compactMap { try? EchoMessage(protobufBytes: $0) } }
}

func status(_ body: () async throws -> Void) async -> RPCStatus? {
  do { try await body() } catch { return error as? RPCStatus }
  return nil
}

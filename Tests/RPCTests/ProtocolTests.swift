import EventLoop
import GRPCSchema
import HTTP
import ProtobufCodec
import RPC
import TestSchema
import Testing

/// The same calls by every protocol.
@Suite("Protocols")
struct ProtocolTests {
  static func method(_ kind: CallKind) -> MethodDescriptor { ChannelTests.method(kind) }

  /// Runs calls by a protocol, over both versions of HTTP where it allows them.
  private static func with(
    _ rpcProtocol: ClientProtocol, _ methods: [ServerMethod], fullDuplex: Bool = false,
    _ body: (RPCChannel) async throws -> Void
  ) async throws {
    try await Fixture.with(methods: methods) { fixture in
      for version in [HTTPVersion.http2, .http1] where version == .http2 || (rpcProtocol != .grpc && !fullDuplex) {
        var options = ChannelOptions()
        options.rpcProtocol = rpcProtocol
        options.httpVersion = version
        let client = RPCChannel(to: ChannelTarget(fixture.server.address), loop: fixture.thread.loop, options: options)
        try await body(client)
        client.close()
      }
    }
  }

  private static let echo = ServerMethod.unary(method(.unary)) {
    (request: EchoMessage, context) throws(RPCStatus) -> EchoMessage in
    context.offerCompression()
    context.addInitialMetadata("x-first", "1")
    context.addTrailingMetadata("x-last", context.metadata("x-key") ?? "")
    return request
  }

  @Test(
    "a message comes back, with metadata before and after it", arguments: ClientProtocol.allCases,
    [MessageEncoding.identity, .gzip])
  func unary(rpcProtocol: ClientProtocol, encoding: MessageEncoding) async throws {
    try await Self.with(rpcProtocol, [Self.echo]) { (client: RPCChannel) async throws in
      // Some are larger than a stream's window, and larger still in base64 and JSON.
      for count in [0, 1, 2, 3, 1_000, 300_000] {
        let message = EchoMessage(message: "é\n\"\(count)", payload: [UInt8](repeating: 7, count: count))
        let reply = try await client.unary(
          Self.method(.unary), message, EchoMessage.self,
          options: CallOptions(metadata: [("x-key", "k")], encoding: encoding))
        #expect(reply.message == message)
        #expect(reply.initialMetadata.contains { $0 == ("x-first", "1") })
        #expect(reply.trailingMetadata.contains { $0 == ("x-last", "k") })
      }
    }
  }

  private static let refusal = RPCStatus(.resourceExhausted, "später, 100 % sicher")
    .with(GoogleRPCErrorInfo(reason: "TOO_MANY", domain: "test"))
    .with(GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: 61)))

  @Test("a refusal has its message and details", arguments: ClientProtocol.allCases)
  func refused(rpcProtocol: ClientProtocol) async throws {
    let unary = ServerMethod.unary(Self.method(.unary)) {
      (_: EchoMessage, context) throws(RPCStatus) -> EchoMessage in
      context.addTrailingMetadata("x-last", "2")
      throw Self.refusal
    }
    try await Self.with(rpcProtocol, [unary]) { (client: RPCChannel) async throws in
      let refused = await status {
        _ = try await client.unary(Self.method(.unary), EchoMessage(), EchoMessage.self)
      }
      #expect(refused == Self.refusal)
    }
  }

  @Test(
    "a stream's responses arrive one by one, and its end has status and metadata", arguments: ClientProtocol.allCases)
  func serverStreaming(rpcProtocol: ClientProtocol) async throws {
    let descriptor = Self.method(.serverStreaming)
    let stream = ServerMethod.serverStreaming(descriptor) {
      (request: EchoMessage, responses: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
      for index in 0..<20 {
        try await responses.write(EchoMessage(payload: [UInt8](repeating: UInt8(index), count: index * 997)))
      }
      context.addTrailingMetadata("x-last", "2")
      if request.message == "fail" { throw Self.refusal }
    }
    try await Self.with(rpcProtocol, [stream]) { (client: RPCChannel) async throws in
      for message in ["", "fail"] {
        let call = client.serverStreaming(descriptor, EchoMessage(message: message), EchoMessage.self)
        for index in 0..<20 {
          #expect(try await call.next()?.payload == [UInt8](repeating: UInt8(index), count: index * 997))
        }
        if message.isEmpty {
          #expect(try await call.next() == nil)
          #expect(try await call.call.trailingMetadata().contains { $0 == ("x-last", "2") })
        } else {
          let refused = await status { _ = try await call.next() }
          #expect(refused == Self.refusal)
        }
      }
    }
  }

  @Test(
    "messages flow both ways at once",
    arguments: ClientProtocol.allCases.filter { $0 != .grpcWebText })
  func bidirectional(rpcProtocol: ClientProtocol) async throws {
    let descriptor = Self.method(.bidirectionalStreaming)
    let chat = ServerMethod.bidirectionalStreaming(descriptor) {
      (requests: RequestStream<EchoMessage>, responses: ResponseWriter<EchoMessage>, _) throws(RPCStatus) in
      while let request = try await requests.next() { try await responses.write(request) }
    }
    try await Self.with(rpcProtocol, [chat], fullDuplex: true) { (client: RPCChannel) async throws in
      let call = client.streaming(descriptor, EchoMessage.self, EchoMessage.self)
      for index in 0..<50 {
        let message = EchoMessage(message: "\(index)", payload: [UInt8](repeating: 1, count: index * 100))
        try await call.send(message)
        #expect(try await call.next() == message)
      }
      await call.finishSending()
      #expect(try await call.next() == nil)
    }
  }

  @Test("a deadline reaches the server", arguments: ClientProtocol.allCases)
  func deadline(rpcProtocol: ClientProtocol) async throws {
    let unary = ServerMethod.unary(Self.method(.unary)) {
      (_: EchoMessage, context) throws(RPCStatus) -> EchoMessage in
      EchoMessage(message: context.deadlineMilliseconds == nil ? "none" : "some")
    }
    try await Self.with(rpcProtocol, [unary]) { (client: RPCChannel) async throws in
      for milliseconds in [nil, UInt64(50_000)] {
        let reply = try await client.unary(
          Self.method(.unary), EchoMessage(), EchoMessage.self,
          options: CallOptions(timeoutMilliseconds: milliseconds))
        #expect(reply.message.message == (milliseconds == nil ? "none" : "some"))
      }
    }
  }
}

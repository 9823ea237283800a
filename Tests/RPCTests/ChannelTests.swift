import Dispatch
import EventLoop
import GRPCSchema
import ProtobufCodec
import RPC
import Synchronization
import TestSchema
import TestSupport
import Testing

@Suite("Channel")
struct ChannelTests {
  /// Counts how often a handler ran.
  final class Counter: Sendable {
    private let value = Atomic(0)
    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
    var count: Int { value.load(ordering: .relaxed) }
  }

  static func method(_ kind: CallKind, isIdempotent: Bool = false) -> MethodDescriptor {
    MethodDescriptor(
      service: "bench.Echo", name: "Test", kind: kind, idempotency: isIdempotent ? .idempotent : .unknown,
      request: EchoMessage.descriptor, response: EchoMessage.descriptor)
  }

  static func serve(_ address: SocketAddress, _ loop: EventLoop, _ methods: [ServerMethod] = EchoService().methods)
    async throws -> RPCServer
  {
    try await RPCServer.start(address: address, loops: [loop]) { _ in methods }
  }

  static let anyPort = SocketAddress(host: "127.0.0.1", port: 0)

  @Test("messages flow both ways in a bidirectional call, in order")
  func bidirectional() async throws {
    let descriptor = Self.method(.bidirectionalStreaming)
    let method = ServerMethod.bidirectionalStreaming(descriptor) {
      (requests: RequestStream<EchoMessage>, responses: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
      context.addInitialMetadata("x-first", "1")
      while let request = try await requests.next() { try await responses.write(request) }
      context.addTrailingMetadata("x-last", "2")
    }
    try await Fixture.with(methods: [method]) { fixture in
      let call = fixture.client.streaming(descriptor, EchoMessage.self, EchoMessage.self)
      for index in 0..<200 {
        let message = EchoMessage(message: "\(index)", payload: [UInt8](repeating: 1, count: index * 100))
        try await call.send(message)
        #expect(try await call.next() == message)
      }
      await call.finishSending()
      #expect(try await call.next() == nil)
      #expect(try await call.call.initialMetadata().contains { $0 == ("x-first", "1") })
      #expect(try await call.call.trailingMetadata().contains { $0 == ("x-last", "2") })
    }
  }

  @Test("a stream of requests larger than every window gets its one response")
  func clientStreaming() async throws {
    let descriptor = Self.method(.clientStreaming)
    let method = ServerMethod.clientStreaming(descriptor) {
      (requests: RequestStream<EchoMessage>, _) throws(RPCStatus) -> EchoMessage in
      var count = 0
      while let request = try await requests.next() { count += request.payload.count }
      return EchoMessage(message: "\(count)")
    }
    try await Fixture.with(methods: [method]) { fixture in
      let call = fixture.client.streaming(descriptor, EchoMessage.self, EchoMessage.self)
      for _ in 0..<40 { try await call.send(EchoMessage(payload: [UInt8](repeating: 7, count: 100_000))) }
      await call.finishSending()
      #expect(try await call.onlyReply().message.message == "4000000")
    }
  }

  @Test("a reader that does not read stops the writer")
  func backpressure() async throws {
    let written = Counter()
    let descriptor = Self.method(.serverStreaming)
    let method = ServerMethod.serverStreaming(descriptor) {
      (request: EchoMessage, responses: ResponseWriter<EchoMessage>, _) throws(RPCStatus) in
      for _ in 0..<1_000 {
        try await responses.write(request)
        _ = written.next()
      }
    }
    try await Fixture.with(methods: [method, .unary(EchoMethods.unary) { (r: EchoMessage, _) throws(RPCStatus) in r }])
    {
      fixture in
      let message = EchoMessage(payload: [UInt8](repeating: 1, count: 10_000))
      let call = fixture.client.serverStreaming(descriptor, message, EchoMessage.self)
      #expect(try await call.next() == message)
      // Other calls of the connection continue meanwhile.
      for _ in 0..<50 { #expect(try await fixture.call(EchoMethods.unary, message) == [message]) }
      #expect(written.count < 50, "\(written.count) messages of 10 kB for a reader of one")
      var rest = 0
      while try await call.next() != nil { rest += 1 }
      #expect(rest == 999)
    }
  }

  @Test("calls to a stopped server fail at once, and waiting calls are served when it is back")
  func reconnect() async throws {
    let (serverThread, thread) = (EventLoopThread(), EventLoopThread())
    let first = try await Self.serve(try #require(Self.anyPort), serverThread.loop)
    var options = ChannelOptions()
    options.reconnectMillisecondsMin = 10
    options.reconnectMillisecondsMax = 20
    let channel = RPCChannel(to: ChannelTarget(first.address), loop: thread.loop, options: options)
    let message = EchoMessage(message: "x")
    #expect(try await channel.unary(EchoMethods.unary, message, EchoMessage.self).message == message)
    await first.shutdown(graceMilliseconds: 1_000)
    let refusal = await status { _ = try await channel.unary(EchoMethods.unary, message, EchoMessage.self) }
    #expect(refusal?.code == .unavailable)
    let late = await status {
      _ = try await channel.unary(
        EchoMethods.unary, message, EchoMessage.self, options: CallOptions(timeoutMilliseconds: 30, waitsForReady: true)
      )
    }
    #expect(late?.code == .deadlineExceeded)
    async let waiting = channel.unary(
      EchoMethods.unary, message, EchoMessage.self, options: CallOptions(waitsForReady: true))
    let second = try await Self.serve(first.address, serverThread.loop)
    #expect(try await waiting.message == message)
    channel.close()
    let closed = await status { _ = try await channel.unary(EchoMethods.unary, message, EchoMessage.self) }
    #expect(closed?.code == .unavailable)
    await second.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
    serverThread.stopAndJoin()
  }

  @Test("UNAVAILABLE is retried for idempotent methods only, and a limited number of times", arguments: [true, false])
  func retries(isIdempotent: Bool) async throws {
    for failures in [2, 5] {
      let attempts = Counter()
      let descriptor = Self.method(.unary, isIdempotent: isIdempotent)
      let method = ServerMethod.unary(descriptor) { (request: EchoMessage, _) throws(RPCStatus) -> EchoMessage in
        guard attempts.next() > failures else { throw RPCStatus(.unavailable, "later") }
        return request
      }
      let thread = EventLoopThread()
      let server = try await Self.serve(try #require(Self.anyPort), thread.loop, [method])
      var options = ChannelOptions()
      options.retryMillisecondsMin = 1
      options.retryMillisecondsMax = 2
      let channel = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop, options: options)
      let refusal = await status { _ = try await channel.unary(descriptor, EchoMessage(), EchoMessage.self) }
      #expect((refusal == nil) == (isIdempotent && failures == 2))
      #expect(attempts.count == (isIdempotent ? failures == 2 ? 3 : 5 : 1))
      channel.close()
      await server.shutdown(graceMilliseconds: 1_000)
      thread.stopAndJoin()
    }
  }

  @Test("a server's very long retry delay ends the call", arguments: [60, Int64.max, .min])
  func endlessRetryDelay(seconds: Int64) async throws {
    let attempts = Counter()
    let descriptor = Self.method(.unary, isIdempotent: true)
    let method = ServerMethod.unary(descriptor) { (_: EchoMessage, _) throws(RPCStatus) -> EchoMessage in
      _ = attempts.next()
      throw RPCStatus(.unavailable, "later").with(
        GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: seconds, nanos: 0)))
    }
    try await Fixture.with(methods: [method]) { fixture in
      let refusal = await status {
        _ = try await fixture.client.unary(
          descriptor, EchoMessage(), EchoMessage.self, options: CallOptions(timeoutMilliseconds: .max))
      }
      #expect(refusal?.code == .unavailable)
      #expect(attempts.count == (seconds < 0 ? 5 : 1))
    }
  }

  @Test("calls sent while a server closes its connections are all answered")
  func goAway() async throws {
    let (serverThread, thread) = (EventLoopThread(), EventLoopThread())
    var limits = RPCLimits()
    limits.connections.ageMilliseconds = 20
    limits.connections.sweepMilliseconds = 5
    let server = try await RPCServer.start(
      address: try #require(Self.anyPort), loops: [serverThread.loop], limits: limits
    ) { _ in EchoService().methods }
    let channel = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop)
    var answered = 0
    while await server.metrics().connections.accepted < 5 {
      let refusal = await status { _ = try await channel.unary(EchoMethods.unary, EchoMessage(), EchoMessage.self) }
      #expect(refusal == nil, "after \(answered) calls")
      answered += 1
    }
    channel.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
    serverThread.stopAndJoin()
  }

  @Test("of several addresses the first that answers is used; names are looked up")
  func addresses() async throws {
    let silent = try #require(SilentServer())
    let thread = EventLoopThread()
    let server = try await Self.serve(try #require(Self.anyPort), thread.loop)
    var options = ChannelOptions()
    options.nextAddressMilliseconds = 10
    for target in [
      "127.0.0.1:1,\(server.address)", "127.0.0.1:\(silent.port),\(server.address)",
      "LocalHost:\(server.address.port)", "no-such-host.invalid:1,\(server.address)",
    ] {
      let channel = RPCChannel(to: try #require(ChannelTarget(parsing: target)), loop: thread.loop, options: options)
      let refusal = await status { _ = try await channel.unary(EchoMethods.unary, EchoMessage(), EchoMessage.self) }
      #expect(refusal == nil, "\(target)")
      channel.close()
    }
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
  }

  @Test(
    "an invalid target is refused",
    arguments: ["", ",", "host", "host:", "host:0", "host:65536", "ho st:1", "unix:", "127.0.0.1:1,", "::1:x"])
  func targets(text: String) { #expect(ChannelTarget(parsing: text) == nil) }

  @Test(
    "only loopback and Unix sockets count as this machine",
    arguments: [
      ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("[::1]:1", true), ("localhost:1", true), ("a.localhost:1", true),
      ("unix:/run/x", true), ("127.0.0.1:1,unix:/run/x", true), ("127.0.0.1:1,10.0.0.1:1", false),
      ("10.0.0.1:1", false),
      ("[2001:db8::1]:1", false), ("0.0.0.0:1", false), ("localhost.example.com:1", false), ("notlocalhost:1", false),
    ])
  func locality(text: String, isHere: Bool) throws {
    #expect(try #require(ChannelTarget(parsing: text)).isOnThisMachine == isHere)
  }

  @Test("keepalive detects a server that stops answering")
  func keepalive() async throws {
    let (serverThread, thread) = (EventLoopThread(), EventLoopThread())
    let release = DispatchSemaphore(value: 0)
    @Sendable func holdThread() { release.wait() }
    let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, _) throws(RPCStatus) -> EchoMessage in
      // Blocks the server's loop: it does not answer pings either.
      holdThread()
      return request
    }
    let server = try await Self.serve(try #require(Self.anyPort), serverThread.loop, [method])
    var options = ChannelOptions()
    options.keepaliveMilliseconds = 20
    options.keepaliveTimeoutMilliseconds = 20
    let channel = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop, options: options)
    let refusal = await status { _ = try await channel.unary(EchoMethods.unary, EchoMessage(), EchoMessage.self) }
    #expect(refusal?.code == .unavailable)
    #expect(refusal?.message.contains("keepalive") == true, "\(refusal?.message ?? "answered")")
    release.signal()
    channel.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
    serverThread.stopAndJoin()
  }

  @Test("unsendable metadata is refused, without its value in the error", arguments: ["X-Key", "grpc-x", "a b", ""])
  func metadata(name: String) async throws {
    try await Fixture.with { fixture in
      let refusal = await status {
        _ = try await fixture.client.responses(EchoMethods.unary, [], CallOptions(metadata: [(name, "v")]))
      }
      #expect(refusal?.code == .internal)
      let secret = await status {
        _ = try await fixture.client.responses(EchoMethods.unary, [], CallOptions(metadata: [("x", "s3cret\n")]))
      }
      #expect(secret?.code == .internal && secret?.message.contains("s3cret") == false)
    }
  }

  @Test(
    "spaces around a metadata value are not sent: with them the call would end as malformed",
    arguments: [("v", "v"), ("v ", "v"), ("  a b  ", "a b"), (" ", ""), ("", "")])
  func spaces(given: String, sent: String) async throws {
    let method = ServerMethod.unary(EchoMethods.unary) { (_: EchoMessage, context) throws(RPCStatus) -> EchoMessage in
      EchoMessage(message: context.metadata("x") ?? "nothing")
    }
    try await Fixture.with(methods: [method]) { fixture in
      let answer = try await fixture.client.responses(EchoMethods.unary, [], CallOptions(metadata: [("x", given)]))
      #expect(answer.first?.message == sent)
    }
  }
}

import EventLoop
import GRPCSchema
import ProtobufCodec
import Synchronization
import Testing
import TestSchema

@testable import RPC

@Suite("RPC")
struct RPCTests {
  @Test("a unary call returns its response")
  func unary() async throws {
    try await Fixture.with { fixture in
      let message = EchoMessage(message: "hé", payload: [0, 255])
      let responses = try await fixture.call(EchoMethods.unary, message)
      #expect(responses == [message])
    }
  }

  @Test("many calls at once on one connection each get their own answer")
  func concurrent() async throws {
    try await Fixture.with { fixture in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<500 {
          group.addTask {
            let message = EchoMessage(message: "\(index)")
            return try await fixture.call(EchoMethods.unary, message) == [message]
          }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test("a streaming response larger than every window arrives whole and in order")
  func serverStreaming() async throws {
    try await Fixture.with { fixture in
      let message = EchoMessage(
        message: String(repeating: "x", count: 10_000), payload: [UInt8](repeating: 1, count: 200))
      let responses = try await fixture.call(EchoMethods.repeat, message)
      #expect(responses == Array(repeating: message, count: 200))
    }
  }

  @Test("the handler's status, message and details reach the caller")
  func statusDetails() async throws {
    let refused = RPCStatus(.failedPrecondition, "nø: 100 %\n")
      .with(GoogleRPCErrorInfo(reason: "BECAUSE", domain: "test", metadata: ["a": "b", "c": ""]))
    let method = ServerMethod.unary(EchoMethods.unary) { (_: EchoMessage, _) throws(RPCStatus) -> EchoMessage in
      throw refused
    }
    try await Fixture.with(methods: [method]) { fixture in
      let status = await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage()) }
      #expect(status == refused)
      #expect(status?.detail(GoogleRPCErrorInfo.self)?.reason == "BECAUSE")
    }
  }

  @Test("all 16 failures keep their code", arguments: RPCStatusCode.allCases.filter { $0 != .ok })
  func codes(code: RPCStatusCode) async throws {
    let method = ServerMethod.unary(EchoMethods.unary) { (_: EchoMessage, _) throws(RPCStatus) -> EchoMessage in
      throw RPCStatus(code, code.name)
    }
    try await Fixture.with(methods: [method]) { fixture in
      let status = await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage()) }
      #expect(status == RPCStatus(code, code.name))
    }
  }

  @Test("an unknown method is UNIMPLEMENTED and the connection continues")
  func unknownMethod() async throws {
    try await Fixture.with { fixture in
      let unknown = MethodDescriptor(
        service: "bench.Echo", name: "Nothing", kind: .unary, request: EchoMessage.descriptor,
        response: EchoMessage.descriptor)
      let status = await status { _ = try await fixture.call(unknown, EchoMessage()) }
      #expect(status?.code == .unimplemented)
      let responses = try await fixture.call(EchoMethods.unary, EchoMessage(message: "a"))
      #expect(responses.count == 1)
    }
  }

  @Test("a message at the size limit passes, one byte more is RESOURCE_EXHAUSTED", arguments: [0, 1])
  func messageLimit(excess: Int) async throws {
    var limits = RPCLimits()
    limits.messageBytesMax = 10_000
    try await Fixture.with(limits: limits) { fixture in
      // Tag, two bytes of length, text.
      let message = EchoMessage(message: String(repeating: "m", count: 10_000 - 3 + excess))
      let status = await status { _ = try await fixture.call(EchoMethods.unary, message) }
      #expect(status?.code == (excess == 0 ? nil : .resourceExhausted))
    }
  }

  @Test("a deadline ends a call that does not answer, on both sides")
  func deadline() async throws {
    let (begun, cancelled) = (Flag(), Flag())
    let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, context) throws(RPCStatus) in
      begun.raise()
      await context.loop.sleep(milliseconds: 3_600_000)
      if Task.isCancelled { cancelled.raise() }
      return request
    }
    try await Fixture.with(methods: [method]) { fixture in
      // On a loaded machine a short deadline passes before the call arrives at the server.
      for milliseconds in [UInt64(20), 200, 2_000, 20_000] where !begun.isRaised {
        let status = await status {
          _ = try await fixture.call(EchoMethods.unary, EchoMessage(), timeoutMilliseconds: milliseconds)
        }
        #expect(status?.code == .deadlineExceeded)
      }
      try #require(begun.isRaised)
      await cancelled.wait()
    }
  }

  @Test(
    "a handler's own time limit ends its call, unless the caller's deadline is earlier", arguments: [nil, 20, 60_000])
  func timeLimit(timeoutMilliseconds: UInt64?) async throws {
    let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, context) throws(RPCStatus) in
      context.limitTime(milliseconds: timeoutMilliseconds == 20 ? 60_000 : 20, RPCStatus(.aborted, "too long"))
      await context.loop.sleep(milliseconds: 3_600_000)
      return request
    }
    try await Fixture.with(methods: [method]) { fixture in
      let status = await status {
        _ = try await fixture.call(EchoMethods.unary, EchoMessage(), timeoutMilliseconds: timeoutMilliseconds)
      }
      #expect(status?.code == (timeoutMilliseconds == 20 ? .deadlineExceeded : .aborted))
    }
  }

  @Test("a caller that cancels its call cancels the handler")
  func cancellation() async throws {
    let started = Flag()
    let cancelled = Flag()
    let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, context) throws(RPCStatus) in
      started.raise()
      await context.loop.sleep(milliseconds: 3_600_000)
      if Task.isCancelled { cancelled.raise() }
      return request
    }
    try await Fixture.with(methods: [method]) { fixture in
      let task = Task { await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage()) } }
      await started.wait()
      task.cancel()
      #expect(await task.value?.code == .cancelled)
      await cancelled.wait()
    }
  }

  @Test("metadata arrives, binary metadata decoded, and trailing metadata is returned")
  func metadata() async throws {
    let method = ServerMethod.unary(EchoMethods.unary) { (_: EchoMessage, context) throws(RPCStatus) in
      context.addTrailingMetadata("x-reply", "yes")
      let binary = context.metadata("x-key-bin").flatMap(Base64.decode)
      return EchoMessage(message: context.metadata("x-key") ?? "", payload: binary ?? [])
    }
    try await Fixture.with(methods: [method]) { fixture in
      let reply = try await fixture.client.unary(
        EchoMethods.unary, EchoMessage(), EchoMessage.self,
        options: CallOptions(
          metadata: [("x-key", "v"), ("x-key-bin", Base64.encode([1, 2, 255], padding: false))]))
      #expect(reply.message == EchoMessage(message: "v", payload: [1, 2, 255]))
      #expect(reply.trailingMetadata.contains { $0 == ("x-reply", "yes") })
    }
  }

  @Test("an interceptor can refuse a call before its handler runs")
  func interceptor() async throws {
    struct Refusing: ServerInterceptor {
      func intercept(_ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void)
        async throws(RPCStatus)
      {
        guard context.metadata("authorization") == "Bearer x" else { throw RPCStatus(.unauthenticated, "no") }
        try await next(context)
      }
    }
    try await Fixture.with(interceptors: [Refusing()]) { fixture in
      let status = await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage()) }
      #expect(status?.code == .unauthenticated)
      let allowed = try await fixture.call(
        EchoMethods.unary, EchoMessage(message: "a"), metadata: [("authorization", "Bearer x")])
      #expect(allowed.count == 1)
    }
  }

  @Test("an interceptor runs only around calls of the methods that it applies to")
  func concernedInterceptor() async throws {
    struct Refusing: ServerInterceptor {
      func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? { method.kind != .unary ? self : nil }

      func intercept(_ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void)
        async throws(RPCStatus)
      {
        throw RPCStatus(.unauthenticated, "no")
      }
    }
    try await Fixture.with(interceptors: [Refusing()]) { fixture in
      let replies = try await fixture.call(EchoMethods.unary, EchoMessage(message: "a"))
      #expect(replies.count == 1)
      let status = await status { _ = try await fixture.call(EchoMethods.collect, EchoMessage()) }
      #expect(status?.code == .unauthenticated)
    }
  }

  @Test("undecodable requests are INVALID_ARGUMENT with a reason")
  func undecodable() async throws {
    try await Fixture.with { fixture in
      for bytes in [[0x0A, 0xFF], [0x0A, 0x01, 0xC3], [0x0A, 0x01, 0x00], [0x00]] as [[UInt8]] {
        let status = await status { _ = try await fixture.client.responses(EchoMethods.unary, bytes) }
        #expect(status?.code == .invalidArgument)
        #expect(status?.detail(GoogleRPCErrorInfo.self)?.reason == "MALFORMED_REQUEST")
      }
    }
  }

  @Test("a shutdown lets open calls end and then closes")
  func drain() async throws {
    let thread = EventLoopThread()
    let started = Flag()
    let release = Flag()
    let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, _) throws(RPCStatus) in
      started.raise()
      await release.wait()
      return request
    }
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: [thread.loop]) { _ in [method] }
    let client = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop)
    let call = Task { await status { _ = try await client.responses(EchoMethods.unary) } }
    await started.wait()
    let drained = Task { await server.shutdown(graceMilliseconds: 60_000) }
    release.raise()
    #expect(await call.value == nil)
    await drained.value
    thread.stopAndJoin()
  }

  @Test("a port in use is refused, not shared")
  func portInUse() async throws {
    try await Fixture.with { fixture in
      await #expect(throws: SocketError.self) {
        try await RPCServer.start(address: fixture.server.address, loops: [fixture.thread.loop]) { _ in [] }
      }
    }
  }

  @Test("health reports whether the server serves, and does not know other services")
  func health() async throws {
    let methods = HealthService(services: ["bench.Echo"], isServing: { true }).methods
    try await Fixture.with(methods: methods) { fixture in
      let responses = try await fixture.client.responses(GRPCHealthV1HealthMethods.check)
      #expect(responses.count == 1)
      let stranger = GRPCHealthV1HealthCheckRequest(service: "other").protobufBytes()
      let status = await status {
        _ = try await fixture.client.responses(GRPCHealthV1HealthMethods.check, stranger)
      }
      #expect(status?.code == .notFound)
    }
  }
}

@Suite("RPC parts")
struct RPCPartsTests {
  @Test("grpc-timeout: units, rounding up, malformed values")
  func timeout() {
    #expect(GRPCTimeout.milliseconds("1H") == 3_600_000)
    #expect(GRPCTimeout.milliseconds("2M") == 120_000)
    #expect(GRPCTimeout.milliseconds("3S") == 3_000)
    #expect(GRPCTimeout.milliseconds("99999999m") == 99_999_999)
    #expect(GRPCTimeout.milliseconds("1u") == 1)
    #expect(GRPCTimeout.milliseconds("1000001n") == 2)
    for malformed in ["", "S", "1", "-1S", "1.5S", "999999999S", "1x", " 1S"] {
      #expect(GRPCTimeout.milliseconds(malformed) == nil, "\(malformed)")
    }
  }

  @Test("connect-timeout-ms: ten digits, and not one more")
  func connectTimeout() {
    #expect(ConnectTimeout.milliseconds("0") == 0)
    #expect(ConnectTimeout.milliseconds("9999999999") == 9_999_999_999)
    for malformed in ["", "10000000000", "-1", "1.5", " 1", "1m"] {
      #expect(ConnectTimeout.milliseconds(malformed) == nil, "\(malformed)")
    }
    #expect(ConnectTimeout.text(milliseconds: 10_000_000_000) == "9999999999")
  }

  @Test("grpc-message survives encoding, and malformed escapes stay")
  func percent() {
    #expect(PercentEncoding.encode("a %\n\u{e9}") == "a %25%0A%C3%A9")
    #expect(PercentEncoding.encode(" ") == "%20" && PercentEncoding.encode("  a  b  ") == "%20 a  b %20")
    #expect(PercentEncoding.decode("a %25%0a%C3%A9") == "a %\n\u{e9}")
    #expect(PercentEncoding.decode("%zz %4") == "%zz %4")
  }

  @Test("a prefix cut anywhere waits; flags and sizes are checked once the prefix is complete")
  func framing() {
    let whole: [UInt8] = [0, 0, 0, 0, 2, 8, 9]
    for count in 0..<whole.count {
      #expect(
        MessageFraming.front(of: Array(whole[..<count]), from: 0, byteLimit: 2)
          == (count < MessageFraming.prefixBytes ? .incomplete : .begun(count: 2)))
    }
    #expect(MessageFraming.front(of: whole, from: 0, byteLimit: 2) == .message(count: 2, isCompressed: false))
    #expect(MessageFraming.front(of: whole, from: 0, byteLimit: 1) == .tooLarge(count: 2))
    #expect(MessageFraming.front(of: [1, 0, 0, 0, 0], from: 0, byteLimit: 1) == .compressed)
    #expect(
      MessageFraming.front(of: [1, 0, 0, 0, 0], from: 0, byteLimit: 1, encoding: .gzip)
        == .message(count: 0, isCompressed: true))
    #expect(MessageFraming.front(of: [2, 0, 0, 0, 0], from: 0, byteLimit: 1) == .badFlag)
  }

  @Test("the router finds every method among similar names and nothing else")
  func router() {
    let methods = (0..<200).map { index in
      ServerMethod.unary(
        MethodDescriptor(
          service: "s\(index % 7)", name: "Method\(index)", kind: .unary, request: EchoMessage.descriptor,
          response: EchoMessage.descriptor)
      ) { (request: EchoMessage, _) throws(RPCStatus) in request }
    }
    let router = Router(methods)
    for (index, method) in methods.enumerated() {
      let route = router.route(Array(method.descriptor.path.utf8).span.bytes)
      #expect(route?.method === method && route?.index == index)
    }
    #expect(router.route(Array("/s0/Method1x".utf8).span.bytes) == nil)
    #expect(router.route([UInt8]().span.bytes) == nil)
  }
}

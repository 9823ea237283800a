import EventLoop
import ProtobufCodec
import TestSchema
import Testing

@testable import RPC

@Suite("Requests larger than a stream's window")
struct LargeRequestTests {
  private static let large = EchoMessage(payload: [UInt8](repeating: 7, count: 100_000))
  /// Bytes of `large` on the wire, with its prefix.
  private static let largeBytes = large.protobufBytes().count + MessageFraming.prefixBytes

  /// Room for this many of `large` at once on a connection, plus `excess` bytes.
  private static func limits(_ count: Int, excess: Int = 0) -> RPCLimits {
    var limits = RPCLimits()
    limits.largeRequestBytesMax = count * largeBytes + excess
    limits.connections.sweepMilliseconds = 5
    return limits
  }

  @Test("as many as fit at once, and many more, all succeed on one connection", arguments: [1, 3])
  func unary(count: Int) async throws {
    try await Fixture.with(limits: Self.limits(count)) { fixture in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 0..<40 {
          group.addTask { try await fixture.call(EchoMethods.unary, Self.large) == [Self.large] }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test("messages of all sizes around the window pass on streams, in any order", arguments: UInt64(0)..<4)
  func streaming(seed: UInt64) async throws {
    // Sizes after which the peer has less window than the next message needs, in both cases.
    let sizes = [1, 32_700, 40_000, 65_530, 65_535, 65_536, 66_000, 100_000, 300_000, 1_000, 33_000, 33_000]
    try await Fixture.with(limits: Self.limits(1)) { fixture in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for stream in 0..<5 {
          group.addTask {
            let shift = (stream + Int(seed) * 3) % sizes.count
            let order = Array(sizes[shift...] + sizes[..<shift])
            let call = fixture.client.streaming(EchoMethods.chat, EchoMessage.self, EchoMessage.self)
            async let sent: Void = {
              for size in order {
                try await call.send(EchoMessage(payload: [UInt8](repeating: UInt8(size & 255), count: size)))
              }
              await call.finishSending()
            }()
            var received: [Int] = []
            while let message = try await call.next() { received.append(message.payload.count) }
            try await sent
            return received == order
          }
        }
        for try await isRight in group { #expect(isRight, "seed \(seed)") }
      }
    }
  }

  @Test(
    "a client that reserves room and sends nothing is ended by the request time limit, and others continue",
    arguments: [true, false])
  func stalled(isUnary: Bool) async throws {
    var limits = Self.limits(1, excess: 0)
    limits.largeRequestBytesPerLoopMax = Self.largeBytes + 1
    limits.connections.requestMilliseconds = 300
    limits.connections.idleMilliseconds = 50
    let collect = ServerMethod.clientStreaming(EchoMethods.collect) {
      (requests: RequestStream<EchoMessage>, _) throws(RPCStatus) in
      while try await requests.next() != nil {}
      return EchoMessage()
    }
    let unary = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, _) in request }
    try await Fixture.with(limits: limits, methods: [collect, unary]) { fixture in
      let used = fixture.server.address
      // Given: a message of which more than half a window has arrived, and the rest does not
      // follow.
      let length = Self.largeBytes - MessageFraming.prefixBytes
      let prefix: [UInt8] = [0, 0, UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255)]
      let path = isUnary ? "/bench.Echo/Unary" : "/bench.Echo/Collect"
      let bytes =
        RawPeer.preface + RawPeer.headers(path: path, stream: 1) + RawPeer.frame(0, stream: 1, prefix)
        + Array((0..<4).map { _ in RawPeer.frame(0, stream: 1, [UInt8](repeating: 0, count: 10_000)) }.joined())
      let peer = RawPeer(to: used)
      peer.send(bytes)
      func hasEnded() async -> Bool {
        let name = MethodName(service: "bench.Echo", method: isUnary ? "Unary" : "Collect")
        return await fixture.server.metrics().calls[name]?.ended(.deadlineExceeded) ?? 0 > 0
      }
      while await fixture.server.metrics().largeRequestBytes == 0 {
        guard await !hasEnded() else { break }  // on a machine that stalled
      }
      // Then: another message waits for the same room, and gets it once the first is ended.
      let answer = try await fixture.call(EchoMethods.unary, Self.large)
      #expect(answer == [Self.large])
      #expect(await hasEnded())
      let types = RawPeer.frameTypes(peer.receiveToEnd() ?? [])
      #expect(types.contains(1))  // HEADERS with the status
      #expect(await fixture.server.metrics().largeRequestBytes == 0)
    }
  }

  @Test("a few bytes of a large message reserve no room")
  func cheapClaim() async throws {
    var limits = Self.limits(1)
    limits.largeRequestBytesPerLoopMax = Self.largeBytes
    try await Fixture.with(limits: limits) { fixture in
      let used = fixture.server.address
      let claim =
        RawPeer.preface + RawPeer.headers(path: "/bench.Echo/Unary", stream: 1)
        + RawPeer.frame(0, stream: 1, [0, 0, 16, 0, 0, 1, 2, 3])
      let peer = RawPeer(to: used)
      peer.send(claim)
      while await fixture.server.metrics().connections.accepted < 1 { await Task.yield() }
      let answer = try await fixture.call(EchoMethods.unary, Self.large)
      #expect(answer == [Self.large])
    }
  }

  @Test("a cancelled call that waits for room leaves nothing behind")
  func givenUp() async throws {
    let started = Flag()
    let goOn = Flag()
    // Holds its message: its room is released when it is read, after the interceptor.
    struct Gate: ServerInterceptor {
      let started: Flag
      let goOn: Flag
      func intercept(
        _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
      ) async throws(RPCStatus) {
        started.raise()
        await goOn.wait()
        try await next(context)
      }
    }
    try await Fixture.with(limits: Self.limits(1), interceptors: [Gate(started: started, goOn: goOn)]) { fixture in
      async let first = fixture.call(EchoMethods.unary, Self.large)
      await started.wait()
      let late = await status { _ = try await fixture.call(EchoMethods.unary, Self.large, timeoutMilliseconds: 30) }
      #expect(late?.code == .deadlineExceeded)
      goOn.raise()
      let held = try await first
      #expect(held == [Self.large])
      let next = try await fixture.call(EchoMethods.unary, Self.large)
      #expect(next == [Self.large])
      #expect(await fixture.server.metrics().largeRequestBytes == 0)
    }
  }
}

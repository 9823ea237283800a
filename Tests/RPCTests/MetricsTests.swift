import EventLoop
import ProtobufCodec
import Synchronization
import TestSchema
import Testing

@testable import RPC

@Suite("Metrics")
struct MetricsTests {
  private static let unary = MethodName(service: "bench.Echo", method: "Unary")
  private static let `repeat` = MethodName(service: "bench.Echo", method: "Repeat")

  /// Repeats until `isReached`: a cancelled call ends when the server has received the reset.
  private static func metrics(
    of server: RPCServer, when isReached: (ServerMetrics) -> Bool
  ) async -> ServerMetrics {
    while true {
      let metrics = await server.metrics()
      if isReached(metrics) { return metrics }
      await Task.yield()
    }
  }

  @Test("calls are counted by method and status, with their bytes and durations")
  func statuses() async throws {
    let refusing = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
      (_: EchoMessage, _: ResponseWriter<EchoMessage>, _) throws(RPCStatus) in throw RPCStatus(.notFound, "")
    }
    let methods = EchoService().methods.filter { $0.descriptor.name != "Repeat" } + [refusing]
    try await Fixture.with(methods: methods) { fixture in
      let message = EchoMessage(payload: [UInt8](repeating: 7, count: 100))
      for _ in 0..<3 { _ = try await fixture.call(EchoMethods.unary, message) }
      _ = await status { _ = try await fixture.call(EchoMethods.repeat, EchoMessage()) }
      let metrics = await fixture.server.metrics()
      let unary = try #require(metrics.calls[Self.unary])
      let bytes = 3 * (5 + message.protobufBytes().count)
      #expect(unary.ended(.ok) == 3 && unary.latency.count == 3 && unary.underWay == 0)
      #expect(unary.receivedBytes == bytes && unary.sentBytes == bytes)
      #expect(unary.latency.sumNanoseconds > 0)
      let refused = try #require(metrics.calls[Self.repeat])
      #expect(refused.ended(.notFound) == 1 && refused.ended(.ok) == 0 && refused.sentBytes == 0)
      // Every method is present, called or not.
      #expect(metrics.calls[MethodName(service: "bench.Echo", method: "Chat")] == CallCounters())
      #expect(metrics.callsOfUnknownMethods == CallCounters())
      #expect(metrics.connections.open == 1 && metrics.loopLags.count == 1)
    }
  }

  private static func method(_ service: String, _ name: String) -> MethodDescriptor {
    MethodDescriptor(
      service: service, name: name, kind: .unary, request: EchoMessage.descriptor, response: EchoMessage.descriptor)
  }

  @Test("calls of unknown methods are counted in one place")
  func unknownMethods() async throws {
    try await Fixture.with { fixture in
      for (service, name) in [("bench.Echo", "None"), ("other.Service", "Unary"), ("", "")] {
        let method = Self.method(service, name)
        #expect(await status { _ = try await fixture.client.responses(method) }?.code == .unimplemented)
      }
      let metrics = await fixture.server.metrics()
      #expect(metrics.callsOfUnknownMethods.ended(.unimplemented) == 3)
      #expect(metrics.calls.count == EchoService().methods.count)
    }
  }

  @Test("a call refused for its header fields counts for its method, and a request that is not gRPC for none")
  func refusedAtOnce() async throws {
    try await Fixture.with { fixture in
      for (name, value) in [("grpc-timeout", "soon"), ("grpc-encoding", "br")] {
        _ = try await RawCall.make(
          to: fixture.server.address, loop: fixture.thread.loop, path: EchoMethods.unary.path,
          metadata: [(name, value)], body: [])
      }
      _ = try await RawCall.make(
        to: fixture.server.address, loop: fixture.thread.loop, path: EchoMethods.unary.path,
        metadata: [("content-type", "text/html")], body: [])
      let metrics = await fixture.server.metrics()
      let unary = try #require(metrics.calls[Self.unary])
      #expect(unary.ended(.internal) == 1 && unary.ended(.unimplemented) == 1 && unary.latency.count == 2)
      #expect(metrics.refusedRequests == [415: 1])
    }
  }

  @Test("a call that its caller cancels counts as cancelled, and as running until then")
  func cancelled() async throws {
    let silent = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
      (_: EchoMessage, responses: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
      try await responses.write(EchoMessage())
      await context.loop.sleep(milliseconds: 3_600_000)
    }
    try await Fixture.with(methods: [silent]) { fixture in
      let call = Task { _ = try await fixture.call(EchoMethods.repeat, EchoMessage()) }
      // The response's bytes count while the call is running.
      let during = await Self.metrics(of: fixture.server) { $0.calls[Self.repeat]?.sentBytes == 5 }
      #expect(during.calls[Self.repeat]?.underWay == 1 && during.calls[Self.repeat]?.latency.count == 0)
      call.cancel()
      _ = await call.result
      let after = await Self.metrics(of: fixture.server) { $0.calls[Self.repeat]?.underWay == 0 }
      #expect(after.calls[Self.repeat]?.ended(.cancelled) == 1)
    }
  }

  @Test("a passed deadline counts once, though the handler continues")
  func deadline() async throws {
    let slow = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, context) throws(RPCStatus) in
      let milliseconds = UInt64(request.message) ?? 0
      await Task(executorPreference: context.loop) { await context.loop.sleep(milliseconds: milliseconds) }.value
      return request
    }
    // On a loaded machine a short deadline passes before the call arrives at the server: the server
    // then has no record of it.
    for milliseconds in [UInt64(20), 200, 2_000, 20_000] {
      var hasCome = false
      try await Fixture.with(methods: [slow]) { fixture in
        let status = await status {
          _ = try await fixture.call(
            EchoMethods.unary, EchoMessage(message: "\(3 * milliseconds)"), timeoutMilliseconds: milliseconds)
        }
        #expect(status?.code == .deadlineExceeded)
        let metrics = await Self.metrics(of: fixture.server) { $0.calls[Self.unary]?.underWay == 0 }
        let unary = try #require(metrics.calls[Self.unary])
        hasCome = unary.latency.count > 0
        #expect(unary.latency.count <= 1 && unary.ended(.ok) == 0)
      }
      if hasCome { return }
    }
    Issue.record("no call came to the server")
  }

  @Test("streamed messages are counted in bytes, both ways, and as one call")
  func streaming() async throws {
    try await Fixture.with { fixture in
      let message = EchoMessage(message: "x", payload: [UInt8](repeating: 1, count: 20))
      let responses = try await fixture.call(EchoMethods.repeat, message)
      #expect(responses.count == 20)
      let metrics = await fixture.server.metrics()
      let counters = try #require(metrics.calls[Self.repeat])
      let bytes = 5 + message.protobufBytes().count
      #expect(counters.ended(.ok) == 1 && counters.receivedBytes == bytes && counters.sentBytes == 20 * bytes)
    }
  }

  @Test("the metrics of all loops are summed")
  func loops() async throws {
    let threads = [EventLoopThread(), EventLoopThread()]
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: threads.map(\.loop)) { _ in EchoService().methods }
    // The kernel spreads connections over the loops.
    for _ in 0..<8 {
      let client = RPCChannel(to: ChannelTarget(server.address), loop: threads[0].loop)
      _ = try await client.responses(EchoMethods.unary)
      client.close()
    }
    let metrics = await server.metrics()
    #expect(metrics.calls[Self.unary]?.ended(.ok) == 8 && metrics.connections.accepted == 8)
    #expect(metrics.loopLags.count == 2)
    await server.shutdown(graceMilliseconds: 0)
    for thread in threads { thread.stopAndJoin() }
  }

  @Test("an observer receives the outcomes it asks for, also of calls that reach no handler")
  func observer() async throws {
    let observer = Collector()
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: [thread.loop], observer: observer) { _ in
      EchoService().methods
    }
    let client = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop)
    _ = try await client.responses(EchoMethods.unary)
    _ = await status { _ = try await client.responses(Self.method("no.Such", "Method")) }
    let calls = observer.calls
    // OK was not asked for.
    #expect(calls.count == 1 && calls.first?.method == nil && calls.first?.peerAddress?.host == "127.0.0.1")
    if case .failed(let status) = calls.first?.outcome {
      #expect(status.code == .unimplemented)
    } else {
      Issue.record()
    }
    client.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
  }

  @Test("a duration on a border belongs to the bucket below, one nanosecond more to the next", arguments: 0..<17)
  func borders(bucket: Int) {
    let border = LatencyHistogram.borderNanoseconds[bucket]
    var histogram = LatencyHistogram()
    histogram.record(border)
    #expect(histogram.counts.firstIndex(of: 1) == bucket)
    histogram.record(border + 1)
    #expect(histogram.counts.lastIndex(of: 1) == bucket + 1)
    #expect(histogram.count == 2 && histogram.sumNanoseconds == 2 * border + 1)
  }

  @Test("the borders ascend from 0.25 ms to 60 s, with a bucket below and one above")
  func ends() {
    let borders = LatencyHistogram.borderNanoseconds
    #expect(borders == borders.sorted() && Set(borders).count == borders.count)
    #expect(borders.first == 250_000 && borders.last == 60_000_000_000)
    var histogram = LatencyHistogram()
    histogram.record(0)
    histogram.record(.max / 2)
    #expect(histogram.counts.first == 1 && histogram.counts.last == 1)
  }
}

/// Stores the calls that failed.
private final class Collector: CallObserver {
  private let state = Mutex<[EndedCall]>([])
  var calls: [EndedCall] { state.withLock { $0 } }

  func wants(_ code: RPCStatusCode?) -> Bool { code != .ok }
  func callEnded(_ call: EndedCall) { state.withLock { $0.append(call) } }
}

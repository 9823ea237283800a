import EventLoop
import GRPCSchema
import Gzip
import ProtobufCodec
import TestSchema
import Testing

import HTTP
@testable import HTTP2
@testable import RPC

/// Limits of the memory that peers can occupy: each at its limit, and one past it.
@Suite("Buffer limits")
struct BufferLimitTests {
  private static let unary = "/bench.Echo/Unary"
  private static let name = MethodName(service: "bench.Echo", method: "Unary")
  /// Answers with as many bytes as the request's text says.
  private static let sized = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, _) in
    EchoMessage(payload: [UInt8](repeating: 7, count: Int(request.message) ?? 0))
  }

  private static func limits(_ change: (inout RPCLimits) -> Void) -> RPCLimits {
    var limits = RPCLimits()
    limits.connections.sweepMilliseconds = 5
    // Longer than a test takes on a busy machine: nothing counts as stalled.
    limits.connections.pressedStallMilliseconds = 600_000
    change(&limits)
    return limits
  }

  /// Waits until the server's metrics meet the condition.
  private static func wait(
    _ fixture: Fixture, location: SourceLocation = #_sourceLocation,
    _ isWanted: (ServerMetrics) -> Bool
  ) async {
    let end = ContinuousClock.now + .seconds(20)
    while true {
      let metrics = await fixture.server.metrics()
      if isWanted(metrics) { return }
      guard ContinuousClock.now < end else {
        Issue.record("it did not come true: \(metrics)", sourceLocation: location)
        return
      }
      await fixture.thread.pause(milliseconds: 1)
    }
  }

  private static func ended(_ metrics: ServerMetrics, _ code: RPCStatusCode = .ok) -> UInt64 {
    metrics.calls[name]?.ended(code) ?? 0
  }

  /// Requests responses of a size, one on each stream, and reads none of them.
  private static func ask(_ count: Int, _ bytes: Int, from stream: UInt8 = 1) -> [UInt8] {
    (0..<count).flatMap { RawPeer.request(path: unary, stream: stream + UInt8($0) * 2, text: "\(bytes)") }
  }

  /// Whether `bytes` are about `count` times `one`, within an allocator's rounding.
  private static func isAbout(_ bytes: Int, _ count: Int, of one: Int) -> Bool { abs(bytes - count * one) <= one / 4 }

  // MARK: What is to be sent

  /// Bytes that a response of 100,000 bytes occupies.
  private static func responseBytes() async throws -> Int {
    var bytes = 0
    try await Fixture.with(methods: [Self.sized]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      peer.send(RawPeer.closedPreface + ask(1, 100_000))
      await wait(fixture) { ended($0) == 1 }
      bytes = await fixture.server.metrics().sendingBufferBytes
    }
    return bytes
  }

  @Test("unread responses of a connection are limited: one more is refused, and small ones continue")
  func sendingOfConnection() async throws {
    let bytes = try await Self.responseBytes()
    #expect(bytes >= 100_000)
    for (limit, held) in [(3 * bytes + bytes / 2, 3), (3 * bytes - bytes / 2, 2)] {
      let limits = Self.limits { $0.http2.sendingBytesPerConnectionMax = limit }
      try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
        let peer = RawPeer(to: fixture.server.address)
        peer.send(RawPeer.closedPreface + Self.ask(4, 100_000))
        await Self.wait(fixture) { Self.ended($0) + Self.ended($0, .resourceExhausted) == 4 }
        let metrics = await fixture.server.metrics()
        #expect(Self.ended(metrics) == held)
        #expect(Self.isAbout(metrics.sendingBufferBytes, held, of: bytes))
        #expect(metrics.roomMade == [.sending: UInt64(4 - held)])
        peer.send(Self.ask(1, limits.http2.smallResponseBytesMax - 100, from: 21))
        await Self.wait(fixture) { Self.ended($0) == held + 1 }
        // Other connections have limits of their own.
        let other = try await fixture.call(EchoMethods.unary, EchoMessage(message: "100000"))
        #expect(other.first?.payload.count == 100_000)
      }
    }
  }

  @Test("a refusal for lack of room has a retry delay")
  func refusal() async throws {
    let limits = Self.limits {
      $0.http2.sendingBytesPerConnectionMax = 1
      $0.http2.sendingBytesPerLoopMax = 1
    }
    try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      // The first one is accepted, whatever its size.
      peer.send(RawPeer.closedPreface + Self.ask(1, 100_000))
      await Self.wait(fixture) { Self.ended($0) == 1 }
      let refusal = await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage(message: "100000")) }
      #expect(refusal?.code == .resourceExhausted)
      #expect(refusal?.detail(GoogleRPCErrorInfo.self)?.reason == "NO_ROOM")
      #expect(refusal?.detail(GoogleRPCRetryInfo.self)?.retryDelay?.seconds == 1)
      let small = try await fixture.call(EchoMethods.unary, EchoMessage(message: "100"))
      #expect(small.first?.payload.count == 100)
    }
  }

  @Test("when a loop's limit is reached, the address with most unread bytes is refused")
  func sendingOfLoop() async throws {
    let bytes = try await Self.responseBytes()
    let limits = Self.limits { $0.http2.sendingBytesPerLoopMax = 4 * bytes + bytes / 2 }
    try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
      let first = RawPeer(to: fixture.server.address, from: "127.0.0.2")
      let second = RawPeer(to: fixture.server.address, from: "127.0.0.2")
      first.send(RawPeer.closedPreface + Self.ask(2, 100_000))
      second.send(RawPeer.closedPreface + Self.ask(2, 100_000))
      await Self.wait(fixture) { Self.ended($0) == 4 }
      #expect(Self.isAbout(await fixture.server.metrics().sendingBufferBytes, 4, of: bytes))
      // A further response to the same address is refused.
      first.send(Self.ask(1, 100_000, from: 21))
      await Self.wait(fixture) { Self.ended($0, .resourceExhausted) == 1 }
      #expect(Self.isAbout(await fixture.server.metrics().sendingBufferBytes, 4, of: bytes))
      // Another address gets its response, and occupies nothing afterwards.
      let answer = try await fixture.call(EchoMethods.unary, EchoMessage(message: "100000"))
      #expect(answer.first?.payload.count == 100_000)
      let metrics = await fixture.server.metrics()
      #expect(Self.isAbout(metrics.sendingBufferBytes, 3, of: bytes))
      #expect(metrics.roomMade == [.sending: 2])
    }
  }

  @Test("a stalled response is ended in favour of a new one on the same connection")
  func stalled() async throws {
    let bytes = try await Self.responseBytes()
    let limits = Self.limits {
      $0.http2.sendingBytesPerConnectionMax = 2 * bytes + bytes / 2
      $0.connections.pressedStallMilliseconds = 20
    }
    try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      peer.send(RawPeer.closedPreface + Self.ask(2, 100_000))
      await Self.wait(fixture) { Self.ended($0) == 2 }
      var answered: UInt64 = 2
      var stream: UInt8 = 5
      // Repeated until the first two count as stalled.
      while answered == 2, stream < 250 {
        peer.send(Self.ask(1, 100_000, from: stream))
        stream += 2
        await Self.wait(fixture) { Self.ended($0) + Self.ended($0, .resourceExhausted) == UInt64(stream - 1) / 2 }
        answered = await Self.ended(fixture.server.metrics())
        await fixture.thread.pause(milliseconds: 10)
      }
      #expect(answered == 3)
      #expect(Self.isAbout(await fixture.server.metrics().sendingBufferBytes, 2, of: bytes))
    }
  }

  @Test("messages of a stream are limited as well, and refused ones are not sent")
  func streaming() async throws {
    let limits = Self.limits { $0.http2.sendingBytesPerConnectionMax = 150_000 }
    let method = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
      (request: EchoMessage, responses: ResponseWriter<EchoMessage>, _) throws(RPCStatus) in
      try await responses.write(EchoMessage(payload: [UInt8](repeating: 7, count: Int(request.message) ?? 0)))
    }
    try await Fixture.with(limits: limits, methods: [method]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      let path = EchoMethods.`repeat`.path
      let name = MethodName(service: "bench.Echo", method: "Repeat")
      peer.send(
        RawPeer.closedPreface + RawPeer.request(path: path, stream: 1, text: "100000")
          + RawPeer.request(path: path, stream: 3, text: "100000"))
      await Self.wait(fixture) { $0.calls[name]?.ended(.resourceExhausted) == 1 }
      let metrics = await fixture.server.metrics()
      #expect((100_000...150_000).contains(metrics.sendingBufferBytes))
      #expect((100_000..<101_000).contains(metrics.calls[name]?.sentBytes ?? 0))
    }
  }

  // MARK: What was received

  /// A request with many header fields and without its body. (The bytes that a body occupies depend
  /// on its division into frames.)
  private static func unfinished(_ stream: UInt8) -> [UInt8] {
    let more = (0..<50).flatMap { number in
      [0, 4] + Array("x-\(number + 10)".utf8) + [100] + [UInt8](repeating: UInt8(ascii: "v"), count: 100)
    }
    let plain = RawPeer.headers(path: unary, stream: stream)
    return RawPeer.frame(1, flags: 4, stream: stream, plain.dropFirst(9) + more)
  }

  private static func requestBytes() async throws -> Int {
    var bytes = 0
    try await Fixture.with(methods: [Self.sized]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      peer.send(RawPeer.preface + unfinished(1))
      await wait(fixture) { $0.calls[name]?.underWay == 1 }
      bytes = await fixture.server.metrics().receivedBufferBytes
    }
    return bytes
  }

  @Test("unfinished requests of a connection are limited, and one more ends the oldest")
  func receivedOfConnection() async throws {
    let bytes = try await Self.requestBytes()
    let limits = Self.limits { $0.http2.receivedBytesPerConnectionMax = 8 * bytes + bytes / 2 }
    try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
      let peer = RawPeer(to: fixture.server.address)
      peer.send(RawPeer.preface)
      for number in 0..<8 {
        peer.send(Self.unfinished(UInt8(number) * 2 + 1))
        // One by one: an incomplete header block occupies more.
        await Self.wait(fixture) { $0.calls[Self.name]?.underWay == number + 1 }
      }
      #expect(Self.isAbout(await fixture.server.metrics().receivedBufferBytes, 8, of: bytes))
      #expect(await fixture.server.metrics().roomMade.isEmpty)
      peer.send(Self.unfinished(17))
      await Self.wait(fixture) { Self.ended($0, .resourceExhausted) > 0 }
      let metrics = await fixture.server.metrics()
      #expect(metrics.receivedBufferBytes < 8 * bytes + bytes / 2)
      #expect((1...2).contains(metrics.roomMade[.received] ?? 0))
    }
  }

  @Test("when a loop's limit is reached, the address with most received bytes is refused, whatever it has sent")
  func receivedOfLoop() async throws {
    let bytes = try await Self.requestBytes()
    let limits = Self.limits { $0.http2.receivedBytesPerLoopMax = 16 * bytes + bytes / 2 }
    try await Fixture.with(limits: limits, methods: [Self.sized]) { fixture in
      let honest = RawPeer(to: fixture.server.address, from: "127.0.0.3")
      honest.send(RawPeer.preface + Self.unfinished(1))
      await Self.wait(fixture) { $0.calls[Self.name]?.underWay == 1 }
      let first = RawPeer(to: fixture.server.address, from: "127.0.0.2")
      let second = RawPeer(to: fixture.server.address, from: "127.0.0.2")
      first.send(RawPeer.preface)
      second.send(RawPeer.preface)
      for number in 0..<15 {
        let request = Self.unfinished(UInt8(number) * 2 + 1)
        if number < 8 { first.send(request) } else { second.send(request) }
        await Self.wait(fixture) { $0.calls[Self.name]?.underWay == number + 2 }
      }
      #expect(Self.isAbout(await fixture.server.metrics().receivedBufferBytes, 16, of: bytes))
      #expect(await fixture.server.metrics().roomMade.isEmpty)
      second.send(Self.unfinished(31))
      await Self.wait(fixture) { Self.ended($0, .resourceExhausted) > 0 }
      // The 32nd one's memory is free again.
      #expect(await fixture.server.metrics().receivedBufferBytes < 16 * bytes + bytes / 2)
      // The other address's request continues.
      honest.send(RawPeer.frame(0, flags: 1, stream: 1, [0]))
      await Self.wait(fixture) { Self.ended($0, .internal) == 1 }
    }
  }

  @Test("an endless header block counts, and its connection is closed when there is no room")
  func headerBlock() async throws {
    let limits = Self.limits { $0.http2.receivedBytesPerLoopMax = 2 * HTTP2Session.headerBlockBytes }
    try await Fixture.with(limits: limits) { fixture in
      var peers: [Holder] = []
      var begun = RawPeer.headers(path: Self.unary, stream: 1)
      begun[4] = 0  // without END_HEADERS
      for _ in 0..<2 {
        peers.append(Holder(RawPeer(to: fixture.server.address, from: "127.0.0.2"), RawPeer.preface + begun))
      }
      await Self.wait(fixture) { $0.receivedBufferBytes == 2 * HTTP2Session.headerBlockBytes }
      peers.append(Holder(RawPeer(to: fixture.server.address, from: "127.0.0.2"), RawPeer.preface + begun))
      await Self.wait(fixture) { $0.connections.ended[.outOfRoom] ?? 0 > 0 }
      #expect(await fixture.server.metrics().receivedBufferBytes < 2 * HTTP2Session.headerBlockBytes)
    }
  }

  /// Keeps a peer connected.
  private final class Holder {
    private let peer: RawPeer
    init(_ peer: consuming RawPeer, _ bytes: [UInt8]) {
      self.peer = peer
      self.peer.send(bytes)
    }
  }

  @Test("a small message that expands to a large one needs room for the expanded bytes, and is refused without")
  func expanded() async throws {
    let bytes = EchoMessage(payload: [UInt8](repeating: 0, count: 100_000)).protobufBytes().count
    for (limit, isServed) in [(2 * bytes, true), (2 * bytes - 1, false)] {
      let started = Flag()
      let goOn = Flag()
      let method = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, _) in
        started.raise()
        await goOn.wait()
        return EchoMessage(message: "\(request.payload.count)")
      }
      let limits = Self.limits { $0.largeRequestBytesPerLoopMax = limit }
      try await Fixture.with(limits: limits, methods: [method]) { fixture in
        func call() async -> RPCStatus? {
          await status {
            _ = try await fixture.call(
              EchoMethods.unary, EchoMessage(payload: [UInt8](repeating: 0, count: 100_000)), encoding: .gzip)
          }
        }
        async let first = call()
        await started.wait()
        async let second = call()
        if isServed {
          await Self.wait(fixture) { $0.largeRequestBytes == 2 * bytes }
        } else {
          #expect(await second?.detail(GoogleRPCErrorInfo.self)?.reason == "NO_ROOM")
        }
        goOn.raise()
        #expect(await first == nil)
        if isServed { #expect(await second == nil) }
        #expect(await fixture.server.metrics().largeRequestBytes == 0)
      }
    }
  }

  // MARK: Streams

  @Test("a loop has a limit of streams, and one more ends the newest stream of the address with most streams")
  func streams() async throws {
    let limits = Self.limits { $0.http2.streamsPerLoopMax = 16 }
    try await Fixture.with(limits: limits) { fixture in
      let path = EchoMethods.chat.path
      let honest = RawPeer(to: fixture.server.address, from: "127.0.0.3")
      honest.send(RawPeer.preface + RawPeer.headers(path: path, stream: 1))
      let peer = RawPeer(to: fixture.server.address, from: "127.0.0.2")
      peer.send(RawPeer.preface + (0..<15).flatMap { RawPeer.headers(path: path, stream: $0 * 2 + 1) })
      await Self.wait(fixture) { $0.openStreams == 16 }
      #expect(await fixture.server.metrics().roomMade.isEmpty)
      peer.send(RawPeer.headers(path: path, stream: 31))
      let name = MethodName(service: "bench.Echo", method: "Chat")
      await Self.wait(fixture) { $0.calls[name]?.ended(.resourceExhausted) == 1 && $0.openStreams == 16 }
      #expect(await fixture.server.metrics().calls[name]?.underWay == 16)
      // The other address's stream continues.
      honest.send(RawPeer.frame(0, flags: 1, stream: 1, []))
      await Self.wait(fixture) { $0.calls[name]?.ended(.ok) == 1 }
    }
  }
}

extension EventLoopThread {
  /// Suspends for this long on the loop's clock.
  fileprivate func pause(milliseconds: UInt64) async {
    await Task(executorPreference: loop) { [loop] in await loop.sleep(milliseconds: milliseconds) }.value
  }
}

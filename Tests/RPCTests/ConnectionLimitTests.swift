import EventLoop
import TestSchema
import Testing

@testable import RPC

@Suite("Connection limits")
struct ConnectionLimitTests {
  /// Limits that are checked often, and none of which is short.
  static var patient: RPCLimits {
    var limits = RPCLimits()
    limits.connections.sweepMilliseconds = 5
    return limits
  }

  /// Sends `bytes`, waits, and returns the bytes received until the server closes the connection,
  /// and the reason for closing it.
  private static func fate(
    _ limits: RPCLimits, methods: [ServerMethod] = EchoService().methods, _ bytes: [UInt8]
  ) async throws -> (received: [UInt8]?, end: ConnectionEnd?) {
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: [thread.loop], limits: limits) { _ in methods }
    let used = server.address
    let received = await Task.detached {
      let peer = RawPeer(to: used)
      peer.send(bytes)
      return peer.receiveToEnd()
    }.value
    let counters = await server.metrics().connections
    #expect(counters.accepted == 1 && counters.open == 0)
    await server.shutdown(graceMilliseconds: 0)
    thread.stopAndJoin()
    return (received, counters.ended.keys.first)
  }

  @Test("a silent client is disconnected after the handshake's time limit")
  func handshake() async throws {
    var limits = Self.patient
    limits.connections.handshakeMilliseconds = 30
    #expect(try await Self.fate(limits, []).end == .handshakeTimeout)
    #expect(try await Self.fate(limits, Array(RawPeer.preface.prefix(10))).end == .handshakeTimeout)
  }

  @Test("a client with endless header fields is disconnected")
  func headers() async throws {
    var limits = Self.patient
    limits.connections.headersMilliseconds = 30
    let whole = RawPeer.headers(path: "/bench.Echo/Unary", stream: 1)
    #expect(try await Self.fate(limits, RawPeer.preface + whole.dropLast()).end == .headersTimeout)
    // Complete as a frame, but without END_HEADERS.
    var unfinished = whole
    unfinished[4] = 0
    #expect(try await Self.fate(limits, RawPeer.preface + unfinished).end == .headersTimeout)
  }

  @Test("an incomplete request ends its call, and then the connection is idle")
  func request() async throws {
    var limits = Self.patient
    limits.connections.requestMilliseconds = 30
    limits.connections.idleMilliseconds = 30
    let call = RawPeer.headers(path: "/bench.Echo/Unary", stream: 1)
    let fate = try await Self.fate(limits, RawPeer.preface + call + RawPeer.frame(0, stream: 1, [0, 0, 0, 0, 9, 1]))
    // HEADERS with the status, and both GOAWAYs.
    let types = RawPeer.frameTypes(fate.received ?? [])
    #expect(types.contains(1) && types.count { $0 == 7 } == 2)
    #expect(fate.end == .finished)
  }

  @Test("a connection without calls gets two GOAWAYs and is closed")
  func idle() async throws {
    var limits = Self.patient
    limits.connections.idleMilliseconds = 30
    let fate = try await Self.fate(limits, RawPeer.preface)
    #expect(RawPeer.frameTypes(fate.received ?? []).count { $0 == 7 } == 2)
    #expect(fate.end == .finished)
  }

  @Test("a connection whose calls are all shorter than the interval of two sweeps is not idle")
  func shortCalls() async throws {
    var limits = Self.patient
    limits.connections.sweepMilliseconds = 200
    limits.connections.idleMilliseconds = 300
    let clock = ContinuousClock()
    let begun = clock.now
    try await Fixture.with(limits: limits) { fixture in
      let end = clock.now + .milliseconds(1_000)
      var longestGap = Duration.zero
      // The connection was made after this: it may be idle before the first call as well.
      var last = begun
      while last < end {
        let status = await status { _ = try await fixture.call(EchoMethods.unary, EchoMessage()) }
        longestGap = max(longestGap, clock.now - last)
        last = clock.now
        // Streams are opened within two gaps of each other: if the machine stalled for half the
        // idle time, the connection may have been idle.
        #expect(status == nil || longestGap >= .milliseconds(150))
        if status != nil { return }
      }
    }
  }

  /// Answers nothing until it is cancelled.
  private static let silent = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
    (_: EchoMessage, _: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
    await context.loop.sleep(milliseconds: 3_600_000)
  }

  private static let emptyRequest = RawPeer.frame(0, flags: 1, stream: 1, [0, 0, 0, 0, 0])

  @Test("an old connection gets GOAWAY, and its calls are ended after the grace period")
  func age() async throws {
    var limits = Self.patient
    limits.connections.ageMilliseconds = 30
    limits.connections.ageGraceMilliseconds = 30
    let call = RawPeer.headers(path: "/bench.Echo/Repeat", stream: 1) + Self.emptyRequest
    let fate = try await Self.fate(limits, methods: [Self.silent], RawPeer.preface + call)
    #expect(RawPeer.frameTypes(fate.received ?? []).count { $0 == 7 } == 2)
    #expect(fate.end == .ageGraceOver)
  }

  @Test("a peer with a running call that does not answer a ping is disconnected")
  func keepalive() async throws {
    var limits = Self.patient
    limits.connections.keepaliveMilliseconds = 30
    limits.connections.keepaliveTimeoutMilliseconds = 30
    let call = RawPeer.headers(path: "/bench.Echo/Repeat", stream: 1) + Self.emptyRequest
    let fate = try await Self.fate(limits, methods: [Self.silent], RawPeer.preface + call)
    #expect(RawPeer.frameTypes(fate.received ?? []).contains(6))
    #expect(fate.end == .keepaliveTimeout)
  }

  @Test("a stream is reset if its peer reads nothing of its response")
  func stall() async throws {
    var limits = Self.patient
    limits.connections.stallMilliseconds = 30
    limits.connections.idleMilliseconds = 30
    let chatty = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
      (_: EchoMessage, responses: ResponseWriter<EchoMessage>, _) throws(RPCStatus) in
      let message = EchoMessage(payload: [UInt8](repeating: 0, count: 10_000))
      while true { try await responses.write(message) }
    }
    let call = RawPeer.headers(path: "/bench.Echo/Repeat", stream: 1) + Self.emptyRequest
    let fate = try await Self.fate(limits, methods: [chatty], RawPeer.preface + call)
    #expect(RawPeer.frameTypes(fate.received ?? []).contains(3))
    #expect(fate.end == .finished)
  }

  @Test("as many connections as the limit are served, one more is closed, and a closed one makes room")
  func connections() async throws {
    for byAddress in [true, false] {
      var limits = Self.patient
      if byAddress {
        limits.connections.connectionsPerAddressMax = 2
      } else {
        limits.connections.connectionsPerLoopMax = 2
      }
      try await Fixture.with(limits: limits) { fixture in
        let used = fixture.server.address
        let loop = fixture.thread.loop
        func works(_ client: RPCChannel) async -> Bool {
          await status {
            _ = try await client.responses(EchoMethods.unary, [], CallOptions(timeoutMilliseconds: 10_000))
          } == nil
        }
        let second = RPCChannel(to: ChannelTarget(used), loop: loop)
        let third = RPCChannel(to: ChannelTarget(used), loop: loop)
        let (firstWorks, secondWorks, thirdWorks) = (
          await works(fixture.client), await works(second), await works(third)
        )
        #expect(firstWorks && secondWorks && !thirdWorks)
        let counters = await fixture.server.metrics().connections
        #expect(counters.accepted == 3 && counters.refused == 1 && counters.open == 2)
        second.close()
        while await fixture.server.metrics().connections.open > 1 { await Task.yield() }
        let fourth = RPCChannel(to: ChannelTarget(used), loop: loop)
        #expect(await works(fourth))
        fourth.close()
        third.close()
      }
    }
  }
}

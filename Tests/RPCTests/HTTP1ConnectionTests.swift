import EventLoop
import HTTP
import TestSchema
import Testing

@testable import RPC

/// The time limits of a connection of HTTP/1.1.
@Suite("HTTP/1.1 connections")
struct HTTP1ConnectionTests {
  /// A call of Connect with an empty message.
  private static func call(_ path: String, _ fields: String = "", contentType: String = "application/proto") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: \(contentType)\r\n\(fields)"
  }

  private static let unary = call("/bench.Echo/Unary", "Content-Length: 0\r\n\r\n")

  /// Answers nothing until it is cancelled.
  private static let silent = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
    (_: EchoMessage, _: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
    await context.loop.sleep(milliseconds: 3_600_000)
  }

  /// Sends `text`; returns the bytes received until the server closed the connection, and the
  /// reason for the end.
  private static func fate(
    _ change: (inout ConnectionLimits) -> Void, methods: [ServerMethod] = EchoService().methods, _ text: String,
    halfClosedMilliseconds: UInt64? = nil
  ) async throws -> (received: String, end: ConnectionEnd?) {
    var limits = ConnectionLimitTests.patient
    change(&limits.connections)
    if let halfClosedMilliseconds { limits.http2.halfClosedMilliseconds = halfClosedMilliseconds }
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(
      address: address, loops: [thread.loop], limits: limits, webOrigins: WebOrigins(["http://page"])
    ) { _ in methods }
    let used = server.address
    let received = await Task.detached {
      let peer = RawPeer(to: used)
      peer.send(Array(text.utf8))
      if halfClosedMilliseconds != nil { peer.endSending() }
      return peer.receiveToEnd()
    }.value
    // The server waits until the peer has read its last answer.
    var counters = await server.metrics().connections
    while counters.open > 0 { counters = await server.metrics().connections }
    await server.shutdown(graceMilliseconds: 0)
    thread.stopAndJoin()
    return (String(decoding: try #require(received), as: UTF8.self), counters.ended.keys.first)
  }

  @Test("an endless head is refused, the first one and a later one")
  func heads() async throws {
    let begun = "POST /bench.Echo/Unary HTTP/1.1\r\nHos"
    let first = try await Self.fate({ $0.handshakeMilliseconds = 30 }, begun)
    #expect(first.end == .handshakeTimeout && first.received.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
    #expect(first.received.contains("\r\nvary: origin\r\n") && first.received.contains("\r\nconnection: close\r\n"))
    let later = try await Self.fate({ $0.headersMilliseconds = 30 }, Self.unary + begun)
    #expect(later.end == .headersTimeout && later.received.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(later.received.contains("HTTP/1.1 408 "))
  }

  @Test("an endless request is answered, and its connection closed")
  func request() async throws {
    let text = Self.call("/bench.Echo/Unary", "Content-Length: 100000\r\n\r\n")
    let fate = try await Self.fate({ $0.requestMilliseconds = 30 }, text)
    #expect(fate.received.hasPrefix("HTTP/1.1 504 ") && fate.received.contains("\r\nconnection: close\r\n"))
    #expect(fate.received.contains("deadline_exceeded") && fate.end == .finished)
  }

  @Test("a connection without calls is closed after its time limit")
  func idle() async throws {
    let fate = try await Self.fate({ $0.idleMilliseconds = 30 }, Self.unary + Self.unary)
    #expect(fate.end == .finished && fate.received.split(separator: "HTTP/1.1 200 OK").count == 2)
    #expect(!fate.received.contains("connection: close"))
  }

  @Test("a call of an old connection is ended after the grace period")
  func age() async throws {
    let text = Self.call(
      "/bench.Echo/Repeat", "Content-Length: 5\r\n\r\n\0\0\0\0\0", contentType: "application/connect+proto")
    let fate = try await Self.fate(
      {
        $0.ageMilliseconds = 30
        $0.ageGraceMilliseconds = 30
      }, methods: [Self.silent], text)
    #expect(fate.end == .ageGraceOver)
  }

  @Test("a peer that closes its side is answered, but not kept for ever")
  func halfClosed() async throws {
    let answered = try await Self.fate({ _ in }, Self.unary + Self.unary + "POST", halfClosedMilliseconds: 600_000)
    #expect(answered.received.split(separator: "HTTP/1.1 200 OK").count == 2 && answered.end == .peerClosed)
    let text = Self.call(
      "/bench.Echo/Repeat", "Content-Length: 5\r\n\r\n\0\0\0\0\0", contentType: "application/connect+proto")
    let silent = try await Self.fate({ _ in }, methods: [Self.silent], text, halfClosedMilliseconds: 30)
    #expect(silent.end == .peerClosed && !silent.received.contains("0\r\n\r\n"))
  }

  @Test("a request that is refused before it is a call ends the connection, and pages may read the reason")
  func refusal() async throws {
    let fate = try await Self.fate(
      { _ in }, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://page\r\nExpect: x\r\n\r\n" + Self.unary)
    #expect(fate.received.hasPrefix("HTTP/1.1 417 Expectation Failed\r\n"))
    #expect(fate.received.contains("\r\naccess-control-allow-origin: http://page\r\n"))
    #expect(fate.received.hasSuffix("Refused: expectation.\n") && fate.end == .finished)
  }
}

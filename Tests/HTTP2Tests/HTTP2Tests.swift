import HTTP
import HTTP2
import Testing

/// Two sessions connected in memory, with their received events.
private final class Pair {
  let client: HTTP2Session
  let server: HTTP2Session
  let clientEvents = Recorder()
  let serverEvents = Recorder()
  private let output = HTTPOutputBuffer()

  init(serverLimits: HTTPLimits = HTTPLimits(), clientLimits: HTTPLimits = HTTPLimits()) throws {
    client = try HTTP2Session(role: .client, resources: HTTP2Resources(limits: clientLimits))
    server = try HTTP2Session(role: .server, resources: HTTP2Resources(limits: serverLimits))
    client.delegate = clientEvents
    server.delegate = serverEvents
  }

  /// Passes bytes in both directions until neither side has more.
  func exchange() throws {
    while try move(from: client, to: server) || move(from: server, to: client) {}
  }

  private func move(from: HTTP2Session, to: HTTP2Session) throws -> Bool {
    output.removeAll()
    try from.produce(into: output)
    guard output.count > 0 else { return false }
    let bytes = output.withBytes { bytes in
      (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    try to.receive(bytes.span.bytes)
    return true
  }

  func request(_ fields: [(String, String)] = [], body: [UInt8] = [], ends: Bool = true) throws -> HTTPExchange {
    var headers = HeaderBlock()
    headers.append(name: ":method", value: "POST")
    headers.append(name: ":scheme", value: "http")
    headers.append(name: ":path", value: "/x")
    headers.append(name: ":authority", value: "localhost")
    for (name, value) in fields { headers.append(name: name, value: value) }
    let stream = try #require(client.submitRequest(headers))
    client.append(to: stream) { $0.append(contentsOf: body) }
    if ends { client.finish(stream, trailers: nil) }
    try exchange()
    return stream
  }
}

private final class Recorder: HTTPSessionDelegate {
  var streams: [HTTPExchange] = []
  var closedCodes: [UInt32] = []
  var drainedCount = 0
  var goAwayCount = 0
  /// Copied when a stream closes: the stream object is used again.
  var closedTrailers: [String?] = []
  var closedBodies: [[UInt8]] = []

  func receivedHeaders(_ stream: HTTPExchange) { streams.append(stream) }
  func receivedBody(_ stream: HTTPExchange) {}
  func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {
    closedCodes.append(code.rawValue)
    closedTrailers.append(stream.trailers.firstValue("grpc-status"))
    closedBodies.append(stream.body)
  }
  func drained(_ stream: HTTPExchange) { drainedCount += 1 }
  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) { goAwayCount += 1 }
}

private let response = ConstantHeaders([(":status", "200"), ("content-type", "application/grpc")])
private let trailers = ConstantHeaders([("grpc-status", "0")])

@Suite("HTTP2Session")
struct HTTP2SessionTests {
  @Test("a request's headers and body arrive, and the response's with its trailers")
  func roundTrip() throws {
    let pair = try Pair()
    _ = try pair.request([("x-key", "value")], body: [1, 2, 3])
    let received = try #require(pair.serverEvents.streams.first)
    #expect(received.headers.firstValue("x-key") == "value")
    #expect(received.body == [1, 2, 3])
    #expect(received.receivedEnd)
    pair.server.submitResponse(received, constant: response)
    pair.server.append(to: received) { $0.append(contentsOf: [4, 5]) }
    pair.server.finish(received, constantTrailers: trailers)
    try pair.exchange()
    #expect(pair.clientEvents.closedBodies == [[4, 5]])
    #expect(pair.clientEvents.closedTrailers == ["0"])
    #expect(pair.clientEvents.closedCodes == [0])
    #expect(pair.server.openExchangeCount == 0)
  }

  @Test("a template's requests differ only in their varying field, also after its owner has released it")
  func template() throws {
    let pair = try Pair()
    do {
      let template = RequestTemplate(
        [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "localhost"), ("te", "trailers")],
        varyingName: "authorization")
      for (value, body) in [("one", [1]), ("a second", [2, 2]), ("", [])] as [(String, [UInt8])] {
        #expect(
          pair.client.submitRequest(template, value: Array(value.utf8)) { $0.append(contentsOf: body) } != nil)
      }
    }
    try pair.exchange()
    let received = pair.serverEvents.streams
    #expect(received.map { $0.headers.firstValue("authorization") } == ["one", "a second", nil])
    #expect(received.map { $0.headers.firstValue("te") } == ["trailers", "trailers", "trailers"])
    #expect(received.map(\.body) == [[1], [2, 2], []] && received.allSatisfy(\.receivedEnd))
  }

  @Test("a header list at the limit is kept whole, and one byte more marks it as too large", arguments: [0, 1])
  func headerListLimit(excess: Int) throws {
    var limits = HTTPLimits()
    let fixed = [(":method", "POST"), (":scheme", "http"), (":path", "/x"), (":authority", "localhost")]
      .reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + HeaderBlock.fieldOverheadBytes }
    limits.headerListBytesMax = 1_000
    let pair = try Pair(serverLimits: limits)
    let value = 1_000 - fixed - HeaderBlock.fieldOverheadBytes - 5 + excess
    _ = try pair.request([("x-big", String(repeating: "v", count: value))])
    let received = try #require(pair.serverEvents.streams.first)
    #expect(received.headersTooLarge == (excess == 1))
    #expect(received.headers.listBytes <= 1_000)
  }

  @Test("a sender waits while the peer's window is full and goes on when it opens")
  func backpressure() throws {
    let pair = try Pair()
    let stream = try pair.request()
    let received = try #require(pair.serverEvents.streams.first)
    pair.server.submitResponse(received, constant: response)
    pair.server.append(to: received) { $0.append(contentsOf: [UInt8](repeating: 7, count: 200_000)) }
    try pair.exchange()
    #expect(stream.body.count == 65_535)  // the window of one stream
    #expect(pair.server.needsDrain(received))
    while stream.body.count < 200_000 {
      let before = stream.body.count
      pair.client.consumeReceived(stream)
      try pair.exchange()
      try #require(stream.body.count > before)
    }
    #expect(pair.serverEvents.drainedCount == 1)
    #expect(!pair.server.needsDrain(received))
  }

  @Test("as many busy streams as the limit get the larger window, one more does not, and a closed one makes room")
  func busyStreams() throws {
    var limits = HTTPLimits()
    limits.busyStreamsMax = 2
    let pair = try Pair(serverLimits: limits)
    let streams = try (0..<3).map { _ in try pair.request(ends: false) }
    let received = pair.serverEvents.streams
    for (stream, received) in zip(streams, received) {
      pair.client.append(to: stream) { $0.append(contentsOf: [UInt8](repeating: 7, count: 262_144)) }
      while received.receivedBytes < 262_144 {
        pair.server.widenIfBusy(received)
        #expect(received.windowBytes == 65_535)  // not busy yet
        received.dropBody()
        pair.server.consumeUsed(received)
        let before = received.receivedBytes
        try pair.exchange()
        try #require(received.receivedBytes > before)
      }
      pair.server.widenIfBusy(received)
    }
    #expect(received.map(\.windowBytes) == [524_288, 524_288, 65_535])
    pair.client.reset(streams[0], code: .cancel)
    try pair.exchange()
    pair.server.widenIfBusy(received[2])
    #expect(received[2].windowBytes == 524_288)
  }

  /// The initial size, the number of used bytes, and whether these are removed when one more byte
  /// arrives: only if they reach the bound and at least the number of unread bytes.
  @Test(
    "many used bytes are removed from the buffer when more arrive, and the others are unchanged",
    arguments: [
      (65_535, 32_768, true), (65_534, 32_767, false), (65_535, 32_767, false), (65_000, 60_000, true),
      (60_000, 1, false),
    ])
  func usedBytes(first: Int, used: Int, leave: Bool) throws {
    let pair = try Pair()
    let sent = (0..<first + 1_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    let stream = try pair.request(body: Array(sent[..<first]), ends: false)
    let received = try #require(pair.serverEvents.streams.first)
    received.useBody(first: used)
    #expect(received.bodyOffset == used && received.body.count == first)
    pair.server.consumeReceived(received)
    pair.client.append(to: stream) { $0.append(contentsOf: sent[first...]) }
    try pair.exchange()
    #expect(received.bodyOffset == (leave ? 0 : used))
    #expect(received.body[received.bodyOffset...] == sent[used...][...])
    received.useBody(first: received.bodyBytes)
    #expect(received.bodyOffset == 0 && received.body.isEmpty)
  }

  @Test("a response that ends before its request asks the peer to stop sending")
  func earlyResponse() throws {
    let pair = try Pair()
    _ = try pair.request(body: [1], ends: false)
    let received = try #require(pair.serverEvents.streams.first)
    received.discardsInput = true
    var headers = HeaderBlock()
    headers.append(name: ":status", value: "415")
    pair.server.submitHeadersOnlyResponse(received, headers)
    try pair.exchange()
    #expect(pair.clientEvents.closedCodes == [HTTP2ErrorCode.noError.rawValue])
    #expect(pair.server.openExchangeCount == 0)
  }

  @Test("a stream the client resets is closed with its code")
  func reset() throws {
    let pair = try Pair()
    let stream = try pair.request(ends: false)
    pair.client.reset(stream, code: .cancel)
    try pair.exchange()
    #expect(pair.serverEvents.closedCodes == [HTTP2ErrorCode.cancel.rawValue])
  }

  @Test("streams past the concurrency limit wait at the client until one ends")
  func concurrencyLimit() throws {
    var limits = HTTPLimits()
    limits.concurrentStreamsMax = 2
    let pair = try Pair(serverLimits: limits)
    try pair.exchange()
    for _ in 0..<3 { _ = try pair.request() }
    #expect(pair.serverEvents.streams.count == 2)
    let first = try #require(pair.serverEvents.streams.first)
    pair.server.submitResponse(first, constant: response)
    pair.server.finish(first, constantTrailers: trailers)
    try pair.exchange()
    #expect(pair.serverEvents.streams.count == 3)
  }

  @Test("after GOAWAY open streams end and then the session is finished")
  func goAway() throws {
    let pair = try Pair()
    _ = try pair.request()
    pair.server.refuseRequests()
    try pair.exchange()
    #expect(pair.clientEvents.goAwayCount == 1)
    #expect(!pair.server.isFinished)
    let received = try #require(pair.serverEvents.streams.first)
    pair.server.submitResponse(received, constant: response)
    pair.server.finish(received, constantTrailers: trailers)
    try pair.exchange()
    #expect(pair.server.isFinished)
  }

  @Test("bytes that are not HTTP/2 end the session")
  func garbage() throws {
    let pair = try Pair()
    #expect(throws: HTTPError.self) { try pair.server.receive(Array("GET / HTTP/1.1\r\n\r\n".utf8).span.bytes) }
  }

  @Test("abandoning a session ends its open streams")
  func abandon() throws {
    let pair = try Pair()
    _ = try pair.request(ends: false)
    pair.server.abandon()
    #expect(pair.serverEvents.closedCodes == [HTTP2ErrorCode.cancel.rawValue])
    #expect(pair.server.openExchangeCount == 0)
  }
}

import HTTP
import HTTP1
import Testing

@Suite("HTTP1Session")
struct SessionTests {
  @Test("requests on one connection are answered one after the other")
  func keepAlive() throws {
    let server = Server()
    server.echo()
    for body in ["one", "", "three"] {
      try server.receive(Wire.request(["Host: a", "Content-Length: \(body.utf8.count)"], body))
      #expect(try server.written() == Server.ok(body))
    }
    #expect(server.requests == ["POST /x", "POST /x", "POST /x"] && server.ends == [0, 0, 0])
    #expect(server.establishedCount == 1 && server.session.openExchangeCount == 0)
    #expect(!server.session.isFinished && !server.session.pausesReading)
  }

  @Test("pipelined requests are started one at a time and answered in order")
  func pipelining() throws {
    let server = Server()
    let all = ["/1", "/2", "/3"].map { Wire.request("GET \($0) HTTP/1.1") }.joined()
    try server.receive(all)
    #expect(server.requests == ["GET /1"])
    #expect(try server.written() == "")
    for path in ["/1", "/2", "/3"] {
      #expect(server.requests.last == "GET \(path)")
      let exchange = try #require(server.exchanges.last)
      server.session.append(to: exchange) { $0 += Array(path.utf8) }
      server.session.submitWholeResponse(exchange, Server.fields())
      #expect(try server.written() == Server.ok(path))
    }
    #expect(server.requests.count == 3)
  }

  @Test("a pipelined request that arrives in part continues when the rest arrives")
  func cutPipelining() throws {
    let server = Server()
    server.echo()
    let all = Array(
      (Wire.chunked("3\r\none\r\n0\r\n\r\n") + Wire.request(["Host: a", "Content-Length: 3"], "two")).utf8)
    for cut in 0...all.count {
      try server.receive(Array(all[..<cut]))
      let first = try server.written()
      try server.receive(Array(all[cut...]))
      #expect(try first + server.written() == Server.ok("one") + Server.ok("two"), "cut at \(cut)")
    }
  }

  @Test("a body of known length is delivered, and its end with it")
  func bodies() throws {
    let server = Server()
    var ends: [Bool] = []
    server.onBody = { ends.append($0.receivedEnd) }
    try server.receive(Wire.request(["Host: a", "Content-Length: 6"], "abc"))
    #expect(ends == [false] && server.exchanges.first?.body == Array("abc".utf8))
    try server.receive("def")
    #expect(ends == [false, true] && server.exchanges.first?.body == Array("abcdef".utf8))
    #expect(server.exchanges.first?.receivedBytes == 6)
  }

  @Test("a response that is written in parts is chunked, and ends when it is finished")
  func streaming() throws {
    let server = Server()
    try server.receive(Wire.request())
    let exchange = try #require(server.exchanges.first)
    server.session.submitResponse(exchange, Server.fields())
    server.session.append(to: exchange) { $0 += Array("hello".utf8) }
    #expect(
      try server.written()
        == "HTTP/1.1 200 OK\r\ndate: \(Server.date)\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    server.session.append(to: exchange) { $0 += [UInt8](repeating: 0x78, count: 16) }
    #expect(try server.written() == "10\r\nxxxxxxxxxxxxxxxx\r\n")
    #expect(server.ends.isEmpty)
    var trailers = HeaderBlock()
    trailers.append(name: "x", value: "1")
    server.session.finish(exchange, trailers: trailers)
    #expect(try server.written() == "0\r\n\r\n")
    #expect(server.ends == [0] && !server.session.isFinished)
  }

  @Test("a response that is finished before it is sent has a content-length")
  func finishedEarly() throws {
    let server = Server()
    try server.receive(Wire.request())
    let exchange = try #require(server.exchanges.first)
    server.session.submitResponse(exchange, constant: ConstantHeaders([(":status", "200")]))
    server.session.append(to: exchange) { $0 += Array("hi".utf8) }
    server.session.finish(exchange, constantTrailers: ConstantHeaders([("grpc-status", "0")]))
    #expect(try server.written() == Server.ok("hi"))
  }

  @Test("a large response is written in buffers, and its writer is notified when there is room")
  func largeResponse() throws {
    let server = Server()
    try server.receive(Wire.request())
    let exchange = try #require(server.exchanges.first)
    server.session.submitResponse(exchange, Server.fields())
    server.session.append(to: exchange) { $0 += [UInt8](repeating: 0x78, count: 300_000) }
    server.session.countSending(exchange)
    #expect(server.session.needsDrain(exchange) && server.shared.use.sendingBytes >= 300_000)
    let text = try server.written()
    #expect(text.utf8.count(where: { $0 == 0x78 }) == 300_000 && server.drainedCount == 1)
    #expect(server.shared.use.sendingBytes == 0 && exchange.sentBytes == 300_000)
  }

  @Test("a response to HEAD has no body", arguments: [true, false])
  func head(isWhole: Bool) throws {
    let server = Server()
    try server.receive(Wire.request("HEAD / HTTP/1.1") + Wire.request("GET /next HTTP/1.1"))
    let exchange = try #require(server.exchanges.first)
    exchange.outbound = Array("hello".utf8)
    if isWhole {
      server.session.submitWholeResponse(exchange, Server.fields())
    } else {
      server.session.submitResponse(exchange, Server.fields())
      _ = try server.written()
      server.session.finish(exchange, trailers: nil)
    }
    let text = try server.written()
    #expect(!text.contains("hello") && server.requests == ["HEAD /", "GET /next"])
  }

  @Test("a client that expects 100-continue gets it once, and only when the body is wanted")
  func expectation() throws {
    let server = Server()
    server.echo()
    let head = Wire.request(["Host: a", "Content-Length: 2", "Expect: 100-continue"], "")
    try server.receive(head)
    #expect(try server.written() == "HTTP/1.1 100 Continue\r\n\r\n")
    #expect(try server.written() == "")
    try server.receive("hi")
    #expect(try server.written() == Server.ok("hi"))
    server.onHeaders = { [unowned server] in server.session.submitHeadersOnlyResponse($0, Server.fields("401")) }
    try server.receive(head)
    let refusal = try server.written()
    // The following bytes could be the body or the next request.
    #expect(refusal.hasPrefix("HTTP/1.1 401 ") && refusal.contains("connection: close\r\n"))
    #expect(server.session.isFinished)
  }

  @Test("version 1.0 closes, unless the client asks to keep the connection and the length is known")
  func version10() throws {
    let server = Server()
    server.echo()
    try server.receive(Wire.request("GET / HTTP/1.0", ["Connection: keep-alive"]))
    #expect(try server.written().contains("connection: keep-alive\r\n"))
    try server.receive(Wire.request("GET / HTTP/1.0", []))
    #expect(try server.written() == Server.ok("", closes: true))
    #expect(server.session.isFinished)
  }

  @Test("after a request that closes, nothing more is read")
  func closing() throws {
    let server = Server()
    server.echo()
    try server.receive(Wire.request(["Host: a", "Connection: close"], "") + Wire.request() + "\0garbage")
    #expect(try server.written() == Server.ok("", closes: true))
    try server.receive(Wire.request())
    #expect(try server.written() == "" && server.requests.count == 1 && server.session.isFinished)
  }

  @Test("empty lines between requests open no exchange, wherever they are cut")
  func emptyLines() throws {
    let server = Server()
    server.echo()
    try server.receive(Wire.request())
    _ = try server.written()
    for piece in ["\r", "\n", "\r\n\r", "\n"] {
      try server.receive(piece)
      #expect(server.shared.openExchangeCount == 0)
    }
    try server.receive(Wire.request())
    #expect(try server.written() == Server.ok("") && server.requests.count == 2)
  }

  // MARK: Refusals

  @Test("a refused request is answered with its status, and the connection ends")
  func refusal() throws {
    let server = Server(answerFields: { headers in
      var fields = HeaderBlock()
      if let origin = headers.firstValue("origin") { fields.append(name: "access-control-allow-origin", value: origin) }
      return fields
    })
    try server.receive(Wire.request(["Host: a", "Origin: http://b", "Expect: x"], "") + Wire.request())
    let text = try server.written()
    #expect(text.hasPrefix("HTTP/1.1 417 Expectation Failed\r\n"))
    #expect(text.contains("\r\naccess-control-allow-origin: http://b\r\n"))
    #expect(text.hasSuffix("connection: close\r\n\r\nRefused: expectation.\n"))
    #expect(server.session.refusal == .expectation && server.session.isFinished)
    #expect(server.exchanges.isEmpty && server.session.openExchangeCount == 0)
  }

  @Test("a body that breaks the protocol ends its exchange and the connection")
  func brokenBody() throws {
    let server = Server()
    try server.receive(Wire.chunked("3\r\nabc\r\nx\r\n"))
    #expect(server.ends == [HTTP2ErrorCode.protocolError.rawValue])
    #expect(try server.written().hasPrefix("HTTP/1.1 400 ") && server.session.isFinished)
  }

  @Test("an unfinished response is cut off when the body breaks the protocol: nothing is inserted into it")
  func brokenBodyAfterHead() throws {
    let server = Server()
    try server.receive(Wire.chunked("3\r\nabc\r\n"))
    server.session.submitResponse(try #require(server.exchanges.first), Server.fields())
    #expect(try server.written().hasSuffix("chunked\r\n\r\n"))
    try server.receive("x\r\n")
    #expect(try server.written() == "" && server.session.isFinished)
  }

  @Test("a header list over its limit is answered by the delegate, as in HTTP/2", arguments: [0, 1])
  func headersTooLarge(excess: Int) throws {
    var limits = HTTPLimits()
    limits.headerListBytesMax = 1_000
    let fixed = [(":method", "POST"), (":path", "/x"), (":authority", "a"), (":scheme", "http"), ("x", "")]
      .reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + HeaderBlock.fieldOverheadBytes }
    let server = Server(limits: limits)
    server.echo()
    let big = String(repeating: "v", count: 1_000 - fixed + excess)
    try server.receive(Wire.request(["Host: a", "X: \(big)"], "") + Wire.request())
    #expect(server.exchanges.first?.headersTooLarge == (excess == 1))
    #expect(try server.written() == (excess == 1 ? Server.ok("", closes: true) : Server.ok("") + Server.ok("")))
    #expect(server.session.isFinished == (excess == 1))
  }

  // MARK: Answers before the request's end

  @Test("the rest of a small body is read and dropped, so that the connection is kept", arguments: [0, 1])
  func earlyAnswer(excess: Int) throws {
    let server = Server()
    server.onHeaders = { [unowned server] exchange in
      exchange.discardsInput = true
      server.session.submitHeadersOnlyResponse(exchange, Server.fields("404"))
    }
    let count = HTTP1Session.droppedBytesMax + excess
    try server.receive(Wire.request(["Host: a", "Content-Length: \(count)"], ""))
    let text = try server.written()
    #expect(text.contains("connection: close") == (excess == 1))
    #expect(server.session.isFinished == (excess == 1))
    guard excess == 0 else { return }
    try server.receive([UInt8](repeating: 0, count: count - 1))
    #expect(try server.written() == "" && server.ends.isEmpty)
    try server.receive([0] + Array(Wire.request("GET /next HTTP/1.1").utf8))
    #expect(try server.written().hasPrefix("HTTP/1.1 404 ") && server.requests == ["POST /x", "GET /next"])
    #expect(server.ends == [0, 0])
  }

  @Test("with a body of unknown length the connection closes after an early answer")
  func earlyAnswerToChunks() throws {
    let server = Server()
    server.onHeaders = { [unowned server] in server.session.submitHeadersOnlyResponse($0, Server.fields("404")) }
    try server.receive(Wire.chunked("3\r\nabc\r\n"))
    #expect(try server.written().contains("connection: close\r\n") && server.session.isFinished)
  }

  // MARK: Flow control and memory

  @Test("reading pauses while the window is full, and continues when it is credited", arguments: [-1, 0])
  func window(more: Int) throws {
    let server = Server()
    let window = Int(HTTPLimits().streamWindowBytes)
    try server.receive(Wire.request(["Host: a", "Content-Length: 1000000"], ""))
    let exchange = try #require(server.exchanges.first)
    try server.receive([UInt8](repeating: 0, count: window + more))
    #expect(server.session.pausesReading == (more == 0))
    #expect(server.session.receivableBytes(exchange) == -more)
    #expect(server.shared.use.receivedBytes == window + more)
    exchange.useBody(first: 1_000)
    server.session.consumeUsed(exchange)
    server.session.countReceived(exchange)
    #expect(!server.session.pausesReading && server.session.receivableBytes(exchange) == 1_000 - more)
    // A busy connection gets a larger window.
    for _ in 0..<5 {
      try server.receive([UInt8](repeating: 0, count: 60_000))
      server.session.consumeReceived(exchange)
      exchange.dropBody()
    }
    server.session.widenIfBusy(exchange)
    #expect(exchange.windowBytes == Int(HTTPLimits().busyStreamWindowBytes))
    server.session.dropRequest(exchange)
    #expect(server.shared.use.receivedBytes == 0)
  }

  @Test("following requests wait in a bounded buffer, which counts", arguments: [-1, 0])
  func waiting(more: Int) throws {
    let server = Server()
    try server.receive(Wire.request())
    try server.receive(
      [UInt8](repeating: 0x41, count: HTTP1Session.waitingBytesMax + more - 4) + Array("\r\n\r\n".utf8))
    #expect(server.session.pausesReading == (more == 0))
    #expect(server.shared.use.receivedBytes >= HTTP1Session.waitingBytesMax + more)
    server.session.submitHeadersOnlyResponse(try #require(server.exchanges.first), Server.fields())
    // These bytes are not a request line.
    #expect(try server.written().contains("HTTP/1.1 414 "))
    server.session.abandon()
    #expect(server.shared.use.receivedBytes == 0)
  }

  @Test("an incomplete head counts, and is an open exchange without headers")
  func halfOpen() throws {
    let server = Server()
    try server.receive("POST / HTTP/1.1\r\nX: " + String(repeating: "x", count: 8_000))
    #expect(server.shared.use.receivedBytes >= 8_000 && server.shared.openExchangeCount == 1)
    var hasHeaders: [Bool] = []
    server.session.forEachExchange { hasHeaders.append($0.hasHeaders) }
    #expect(hasHeaders == [false])
    server.session.abandon()
    #expect(server.shared.use.receivedBytes == 0 && server.shared.openExchangeCount == 0)
  }

  // MARK: Slow senders

  @Test("a body slower than 100 bytes per second is found after ten seconds", arguments: [-1, 0])
  func slowBody(more: Int) throws {
    let server = Server()
    try server.receive(Wire.request(["Host: a", "Content-Length: 100000"], ""))
    try server.receive([UInt8](repeating: 0, count: 1_000 + more))
    #expect(!server.session.senderIsSlow(atMilliseconds: 10_999))
    #expect(server.session.senderIsSlow(atMilliseconds: 11_000) == (more < 0))
    guard more == 0 else { return }
    #expect(!server.session.senderIsSlow(atMilliseconds: 20_999))
    #expect(server.session.senderIsSlow(atMilliseconds: 21_000))
  }

  @Test("a sender that the server does not read from is not slow")
  func pausedBody() throws {
    let server = Server()
    try server.receive(Wire.request(["Host: a", "Content-Length: 100000"], ""))
    let exchange = try #require(server.exchanges.first)
    try server.receive([UInt8](repeating: 0, count: exchange.windowBytes))
    #expect(!server.session.senderIsSlow(atMilliseconds: 100_000))
    server.session.consumeReceived(exchange)
    #expect(!server.session.senderIsSlow(atMilliseconds: 109_999))
    #expect(server.session.senderIsSlow(atMilliseconds: 110_000))
  }

  // MARK: The end

  @Test("an idle connection ends when requests are refused, a busy one with its exchange")
  func shutdown() throws {
    let idle = Server()
    idle.session.submitShutdownNotice()
    #expect(!idle.session.isFinished)
    idle.session.refuseRequests()
    #expect(idle.session.isFinished)

    let busy = Server()
    try busy.receive(Wire.request() + Wire.request())
    busy.session.refuseRequests()
    #expect(try busy.written() == "" && !busy.session.isFinished)
    busy.session.submitHeadersOnlyResponse(try #require(busy.exchanges.first), Server.fields())
    #expect(try busy.written() == Server.ok("", closes: true))
    #expect(busy.session.isFinished && busy.requests.count == 1)
  }

  @Test("a request after the drain notice is served, and its response says that the connection closes")
  func notice() throws {
    let server = Server()
    server.echo()
    server.session.submitShutdownNotice()
    try server.receive(Wire.request())
    #expect(try server.written() == Server.ok("", closes: true))
    #expect(server.session.isFinished)
  }

  @Test("an exchange that is cancelled ends the connection", arguments: [false, true])
  func reset(isBegun: Bool) throws {
    let server = Server()
    try server.receive(Wire.request() + Wire.request())
    let exchange = try #require(server.exchanges.first)
    if isBegun {
      server.session.submitResponse(exchange, Server.fields())
      _ = try server.written()
    }
    server.session.dropResponse(exchange, code: .enhanceYourCalm)
    #expect(server.ends.isEmpty)
    #expect(try server.written().hasPrefix(isBegun ? "" : "HTTP/1.1 503 "))
    #expect(server.ends == [HTTP2ErrorCode.enhanceYourCalm.rawValue] && server.session.isFinished)
  }

  @Test("a lost connection ends its exchange")
  func abandon() throws {
    let server = Server()
    try server.receive(Wire.request())
    server.session.abandon()
    #expect(server.ends == [HTTP2ErrorCode.cancel.rawValue] && server.session.openExchangeCount == 0)
    try server.receive(Wire.request())
    #expect(try server.written() == "" && server.requests.count == 1)
  }

  // MARK: A peer that has closed its side

  @Test("whole requests are answered after the peer's last byte, the last one with the connection's end")
  func halfClosed() throws {
    let server = Server()
    try server.receive(
      Wire.request() + Wire.request(["Host: a", "Content-Length: 3"], "abc") + Wire.request().dropLast())
    server.session.receivedEnd()
    for index in 0..<2 {
      #expect(!server.session.isFinished)
      server.session.submitHeadersOnlyResponse(server.exchanges[index], Server.fields())
      #expect(try server.written() == Server.ok(""))
    }
    #expect(server.session.isFinished && server.requests.count == 2)
    #expect(
      server.ends == [HTTP2ErrorCode.noError.rawValue, HTTP2ErrorCode.noError.rawValue, HTTP2ErrorCode.cancel.rawValue])

    let last = Server()
    try last.receive(Wire.request())
    last.session.receivedEnd()
    last.session.submitResponse(try #require(last.exchanges.first), Server.fields())
    #expect(try last.written().contains("connection: close") && !last.session.isFinished)
    last.session.finish(try #require(last.exchanges.first), trailers: nil)
    #expect(try last.written() == "0\r\n\r\n" && last.session.isFinished)
  }

  @Test(
    "a request that is not whole ends with the peer's last byte",
    arguments: [
      "", "POST / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", Wire.chunked("3\r\nabc\r\n0\r\n"),
    ])
  func aborted(text: String) throws {
    for before in ["", Wire.request()] {
      let server = Server()
      server.echo()
      try server.receive(before)
      _ = try server.written()
      try server.receive(text)
      server.session.receivedEnd()
      #expect(try server.written() == "" && server.session.isFinished && server.session.openExchangeCount == 0)
    }
  }

  @Test("an answer that is decided before the request is whole is written after the peer's last byte")
  func early() throws {
    let server = Server()
    try server.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab")
    server.session.submitHeadersOnlyResponse(try #require(server.exchanges.first), Server.fields())
    server.session.receivedEnd()
    #expect(try server.written() == Server.ok("", closes: true) && server.session.isFinished)
  }

  @Test("delegate calls may close the connection", arguments: 0...4)
  func abandonWithin(place: Int) throws {
    let server = Server()
    server.echo()
    let answer = server.onHeaders
    var count = 0
    let closing = { [unowned server] (exchange: HTTPExchange) in
      count += 1
      if count > place { server.session.abandon() } else { answer?(exchange) }
    }
    server.onHeaders = closing
    server.onBody = closing
    try server.receive(
      Wire.request(["Host: a", "Content-Length: 3"], "abc") + Wire.chunked("3\r\nabc\r\n0\r\n\r\n") + Wire.request())
    _ = try server.written()
    #expect(server.session.openExchangeCount == 0 && server.shared.openExchangeCount == 0)
  }
}

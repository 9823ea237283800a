import HTTP
import HTTP1
import Testing

@Suite("HTTP1RequestParser")
struct RequestParserTests {
  private static let pseudo = [":method: POST", ":path: /x", ":authority: a", ":scheme: http"]

  @Test("a request's fields have lower-case names, the pseudo fields in front")
  func fields() {
    let reading = Reading(
      Wire.request(
        "POST /p?q=1 HTTP/1.1", ["X-A: 1", "hOST:  example.com:80 ", "X-b:\t v w\t", "Empty:", "X-High: \u{e9}"]))
    #expect(
      reading.requests.map(\.fields) == [
        [
          ":method: POST", ":path: /p?q=1", ":authority: example.com:80", ":scheme: http", "x-a: 1", "x-b: v w",
          "empty: ", "x-high: \u{e9}",
        ]
      ])
    #expect(reading.requests.allSatisfy { $0.isWhole && $0.head == HTTP1RequestHead() })
    #expect(reading.refusal == nil && !reading.isClosed)
    #expect(Reading(Wire.request(), isSecure: true).requests.first?.fields.contains(":scheme: https") == true)
  }

  @Test("fields of the connection are not passed on")
  func connectionFields() {
    let names = ["Connection: x", "Keep-Alive: 1", "Proxy-Connection: x", "Upgrade: h2c", "Transfer-Encoding: chunked"]
    let reading = Reading(Wire.request(names + ["Host: a", "TE: trailers", "Cookie: c"], "0\r\n\r\n"))
    #expect(reading.requests.map(\.fields) == [Self.pseudo + ["te: trailers", "cookie: c"]])
  }

  @Test("a body of known length is read to its end")
  func countedBody() {
    let reading = Reading(Wire.request(["Host: a", "Content-Length: 005"], "hello") + Wire.request())
    #expect(reading.requests.map(\.text) == ["hello", ""] && reading.requests.allSatisfy(\.isWhole))
    #expect(reading.requests.map(\.head.body) == [.bytes(5), .none])
    #expect(reading.requests.first?.fields.last == "content-length: 005")
    #expect(Reading(Wire.request(["Host: a", "Content-Length: 0"], "")).requests.map(\.head.body) == [.none])
  }

  @Test("a chunked body is read to its end, its extensions and trailers are dropped")
  func chunkedBody() {
    let body = "5\r\nhello\r\n0a;name=\"v;\" ; x\r\n, world.\r\n\r\n1 \t;y\r\n!\r\n000;z\r\nX-Trailer: 1\r\nY: \r\n\r\n"
    let reading = Reading(Wire.chunked(body) + Wire.request())
    #expect(reading.requests.map(\.text) == ["hello, world.\r\n!", ""])
    #expect(reading.requests.allSatisfy(\.isWhole) && reading.refusal == nil)
    #expect(reading.requests.map(\.head.body) == [.chunked, .none])
    #expect(Reading(Wire.chunked("AbC\r\n")).refusal == nil)
  }

  @Test("the target's forms become path and authority")
  func targets() {
    func fields(_ line: String, _ host: [String] = ["Host: a"]) -> [String] {
      Reading(Wire.request(line, host)).requests.first?.fields ?? []
    }
    #expect(fields("GET http://a/p?q HTTP/1.1") == [":method: GET", ":path: /p?q", ":authority: a", ":scheme: http"])
    #expect(fields("GET HTTPS://A HTTP/1.1") == [":method: GET", ":path: /", ":authority: a", ":scheme: https"])
    #expect(fields("GET http://a?q HTTP/1.1").contains(":path: /?q"))
    #expect(fields("OPTIONS * HTTP/1.1").contains(":path: *"))
    #expect(fields("OPTIONS http://a HTTP/1.1").contains(":path: *"))
    #expect(fields("GET // HTTP/1.1").contains(":path: //"))
    #expect(fields("GET http://b:1/ HTTP/1.0", []).contains(":authority: b:1"))
    #expect(fields("GET / HTTP/1.0", []) == [":method: GET", ":path: /", ":scheme: http"])
  }

  @Test("version and Connection decide whether a connection is kept")
  func keepAlive() {
    func keeps(_ version: String, _ fields: [String]) -> Bool? {
      Reading(Wire.request("GET / HTTP/\(version)", ["Host: a"] + fields)).requests.first?.head.keepsAlive
    }
    #expect(keeps("1.1", []) == true && keeps("1.0", []) == false)
    #expect(keeps("1.1", ["Connection: upgrade, CLOSE"]) == false)
    #expect(keeps("1.1", ["Connection: x", "Connection: close"]) == false)
    #expect(keeps("1.1", ["Connection: closed, \"close\""]) == true)
    #expect(keeps("1.0", ["Connection: Keep-Alive"]) == true)
    #expect(keeps("1.0", ["Connection: keep-alive, close"]) == false)
  }

  @Test("bytes behind the last request are ignored")
  func afterClose() {
    let reading = Reading(Wire.request(["Host: a", "Connection: close"], "") + "\0\0 garbage\n" + Wire.request())
    #expect(reading.requests.count == 1 && reading.refusal == nil && reading.isClosed)
    #expect(Reading("\0" + Wire.request()).isClosed)
  }

  @Test("100-continue is asked for only by a request of version 1.1 with a body")
  func expectation() {
    func expects(_ line: String, _ fields: [String]) -> Bool? {
      Reading(Wire.request(line, ["Host: a", "Expect: 100-Continue"] + fields)).requests.first?.head.expectsContinue
    }
    #expect(expects("POST / HTTP/1.1", ["Content-Length: 1"]) == true)
    #expect(expects("POST / HTTP/1.1", ["Transfer-Encoding: chunked"]) == true)
    #expect(expects("POST / HTTP/1.1", []) == false)
    #expect(expects("POST / HTTP/1.0", ["Content-Length: 1"]) == false)
  }

  @Test("a few empty lines may precede a request, one more may not", arguments: 0...5)
  func emptyLines(count: Int) {
    let empty = String(repeating: "\r\n", count: count)
    let reading = Reading(empty + Wire.request() + empty + Wire.request())
    #expect(reading.requests.count == (count <= HTTP1Limits().emptyLinesMax ? 2 : 0))
    #expect(reading.refusal == (count <= HTTP1Limits().emptyLinesMax ? nil : .requestLine))
  }

  @Test("HEAD is recognized, since its response has no body")
  func head() {
    #expect(Reading(Wire.request("HEAD / HTTP/1.1")).requests.first?.head.isHead == true)
    #expect(Reading(Wire.request("head / HTTP/1.1")).requests.first?.head.isHead == false)
  }

  @Test("a complete head leaves nothing behind, and an incomplete one is reported as such")
  func held() throws {
    var parser = HTTP1RequestParser()
    let headers = ReceivedHeaders()
    #expect(!parser.isInHead)
    var offset = 0
    #expect(
      try parser.next(in: Array("POST / HTTP/1.1\r\nHos".utf8).span.bytes, from: &offset, headers: headers) == nil)
    #expect(parser.isInHead && parser.heldBytes >= 20)
    let rest = Array("t: a\r\nContent-Length: 3\r\n\r\nab".utf8)
    offset = 0
    guard case .head = try parser.next(in: rest.span.bytes, from: &offset, headers: headers) else {
      Issue.record("there is no head")
      return
    }
    #expect(try parser.next(in: rest.span.bytes, from: &offset, headers: headers) == .body(rest.count - 2..<rest.count))
    #expect(!parser.isInHead && parser.heldBytes == 0 && offset == rest.count)
  }
}

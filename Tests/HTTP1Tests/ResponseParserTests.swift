import HTTP
import Testing

@testable import HTTP1

/// A client's reading of a connection's bytes, which hold one response.
private struct ResponseReading {
  /// As `name: value`.
  var fields: [String] = []
  var body: [UInt8] = []
  var keepsAlive: Bool?
  /// Bytes behind the response.
  var rest = ""
  var isRefused = false

  init(_ text: String) {
    var parser = HTTP1ResponseParser()
    let headers = ReceivedHeaders()
    var bytes = Array(text.utf8)[...]
    do throws(HTTPError) {
      while keepsAlive == nil, let event = try parser.next(&bytes, headers) {
        switch event {
        case .head: fields = headers.fields.map { "\(headers.name(of: $0)): \(headers.value(of: $0))" }
        case .body(let part): body += part
        case .end(let keepsAlive): self.keepsAlive = keepsAlive
        }
      }
    } catch { isRefused = true }
    rest = String(decoding: bytes, as: UTF8.self)
  }
}

@Suite("HTTP1 responses")
struct ResponseParserTests {
  private static func response(_ line: String, _ fields: [String], _ body: String = "") -> String {
    ([line] + fields).map { $0 + "\r\n" }.joined() + "\r\n" + body
  }

  private static func ok(_ fields: String..., body: String = "hello") -> String {
    response("HTTP/1.1 200 OK", fields, body)
  }

  private static func chunked(_ body: String) -> String { ok("Transfer-Encoding: chunked", body: body) }

  private static let lengths = [
    ok("Content-Length: 5", "Content-Length: 5"), ok("Content-Length: 5", "Content-Length: 6"),
    ok("Content-Length: 5, 5"), ok("Content-Length: +5"), ok("Content-Length: -5"), ok("Content-Length: 0x5"),
    ok("Content-Length: 5 5"), ok("Content-Length: 5.0"), ok("Content-Length:"),
    ok("Content-Length: 9223372036854775808"), ok("Content-Length: 18446744073709551621"), ok("Content-Length : 5"),
    ok("Content-Length: 5", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
    ok("Transfer-Encoding: chunked", "Content-Length: 0", body: "0\r\n\r\n"),
    ok("X: 1"), ok("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
    ok("Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"), ok("Transfer-Encoding: chunked, gzip"),
    ok("Transfer-Encoding: chunked, chunked", body: "0\r\n\r\n"), ok("Transfer-Encoding: identity"),
    ok("Transfer-Encoding: identity", "Content-Length: 5"), ok("Transfer-Encoding: xchunked", "Content-Length: 5"),
    ok("Transfer-Encoding: gzip", "Content-Length: 5"),
    ok("Transfer-Encoding: \u{b}chunked", "Content-Length: 5"), ok("Transfer-Encoding : chunked", body: "0\r\n\r\n"),
    response("HTTP/1.0 200 OK", ["Transfer-Encoding: chunked"], "0\r\n\r\n"),
    response("HTTP/1.1 204 No Content", ["Content-Length: 5"], "hello"),
    response("HTTP/1.1 204 No Content", ["Transfer-Encoding: chunked"], "0\r\n\r\n"),
    response("HTTP/1.1 103 Early Hints", ["Content-Length: 5"], "hello"),
    response("HTTP/1.1 100 Continue", ["Transfer-Encoding: chunked"], "0\r\n\r\n"),
  ]

  private static let lines = [
    "HTTP/1.1 200", "HTTP/1.1  200 OK", "HTTP/1.1 200OK", "HTTP/1.1 +20 OK", "HTTP/1.1 2 0 OK", "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK", "HTTP/1.1\t200\tOK", " HTTP/1.1 200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/1.10 200 OK", "HTTP/1. 200 OK", "HTTP/1.x 200 OK", "HTTP/2.0 200 OK", "http/1.1 200 OK",
    "HTTP/1.1 200 O\u{1}K",
    "HTTP/1.1 200 O\rK", "HTTP/1.1 101 Switching Protocols", "", "ICY 200 OK",
  ].map { response($0, ["Content-Length: 5"], "hello") }

  private static let fields =
    ["X", ": 1", "X : 1", "X y: 1", "X\0: 1", "X: a\0b", "X: a\rb", "X: \u{1}", " folded", "\tfolded", "X\t: 1"].map {
      ok("Y: 1", $0, "Content-Length: 5")
    } + [
      "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", "HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\nhello",
    ]

  private static let chunks = [
    "\r\n", "+5\r\nhello\r\n0\r\n\r\n", "-1\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "g\r\n", " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n", ";x\r\n", "5 x\r\nhello\r\n", "00000000000000005\r\nhello\r\n0\r\n\r\n", "80000001\r\n",
    "ffffffffffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
    "5;a\u{0}\r\nhello\r\n0\r\n\r\n", "0\n\r\n", "0\r\n\n", "0\r\nX\r\n\r\n", "0\r\n X: 1\r\n\r\n",
    "0\r\nContent-Length: 5\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5;\(String(repeating: "x", count: 1_024))\r\nhello\r\n0\r\n\r\n",
    "0\r\n" + String(repeating: "X: \(String(repeating: "x", count: 1_000))\r\n", count: 132) + "\r\n",
  ].map(chunked)

  @Test(
    "a response that two readers could end at different places is refused", arguments: lengths + lines + fields + chunks
  )
  func refused(text: String) {
    let reading = ResponseReading(text)
    #expect(reading.isRefused && reading.keepsAlive == nil)
  }

  @Test(
    "what follows a whole response is not a part of it",
    arguments: [
      (ok("Content-Length: 5"), "hello"), (ok("CONTENT-LENGTH:\t5 ", "X: \u{e9}"), "hello"),
      (response("HTTP/1.1 404 ", ["Content-Length: 0"]), ""),
      (ok("Transfer-Encoding: Chunked", body: "0005;x=\"y\"\r\nhello\r\n0;z\r\nX: 1\r\n\r\n"), "hello"),
      (response("HTTP/1.1 204 No Content", []), ""), (response("HTTP/1.1 204 No Content", ["Content-Length: 0"]), ""),
      (response("HTTP/1.1 304 Not Modified", ["Content-Length: 5"]), ""),
      (response("HTTP/1.1 304 Not Modified", ["Transfer-Encoding: chunked"]), ""),
      (response("HTTP/1.1 100 Continue", ["X: 1"]) + response("HTTP/1.1 103 ", []) + ok("Content-Length: 5"), "hello"),
    ])
  func whole(text: String, body: String) {
    let reading = ResponseReading(text + "next")
    #expect(!reading.isRefused && reading.keepsAlive == true && reading.rest == "next")
    #expect(
      String(decoding: reading.body, as: UTF8.self) == body && reading.fields.first?.hasPrefix(":status: ") == true)
  }

  @Test(
    "the connection is kept in version 1.1, unless the server says that it closes",
    arguments: [
      ("HTTP/1.1", "X: 1", true), ("HTTP/1.1", "Connection: Close", false),
      ("HTTP/1.1", "connection: x , close", false),
      ("HTTP/1.1", "Connection: keep-alive", true), ("HTTP/1.1", "Connection: closed", true),
      ("HTTP/1.0", "X: 1", false),
    ])
  func ends(version: String, field: String, keepsAlive: Bool) {
    let reading = ResponseReading(Self.response("\(version) 200 OK", ["Content-Length: 5", field], "hello"))
    #expect(reading.keepsAlive == keepsAlive && reading.body.count == 5)
  }
}

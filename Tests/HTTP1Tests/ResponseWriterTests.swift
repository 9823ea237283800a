import HTTP
import HTTP1
import Testing

@Suite("HTTP1ResponseWriter")
struct ResponseWriterTests {
  private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

  /// A response's bytes as text.
  private static func text(
    to request: HTTP1RequestHead = HTTP1RequestHead(), _ fields: [(String, String)] = [(":status", "200")],
    bodyBytes: Int? = nil, parts: [String] = []
  ) -> String {
    var block = HeaderBlock()
    for (name, value) in fields { block.append(name: name, value: value) }
    var writer = HTTP1ResponseWriter(to: request)
    var head: [UInt8] = []
    writer.appendHead(block, bodyBytes: bodyBytes, date: date, to: &head)
    let output = HTTPOutputBuffer()
    for part in parts {
      #expect(writer.appendBody(Array(part.utf8).span.bytes, to: output) == part.utf8.count)
    }
    #expect(writer.appendEnd(to: output))
    return String(decoding: head + bytes(output), as: UTF8.self)
  }

  private static func bytes(_ output: HTTPOutputBuffer) -> [UInt8] {
    output.withBytes { bytes in
      (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
  }

  private static func request(_ change: (inout HTTP1RequestHead) -> Void) -> HTTP1RequestHead {
    var head = HTTP1RequestHead()
    change(&head)
    return head
  }

  @Test("a body of known length has a content-length")
  func counted() {
    #expect(
      Self.text([(":status", "404"), ("x-a", "1")], bodyBytes: 2, parts: ["h", "i"])
        == "HTTP/1.1 404 Not Found\r\ndate: \(Self.date)\r\nx-a: 1\r\ncontent-length: 2\r\n\r\nhi")
  }

  @Test("a body of unknown length is chunked, and an empty part is not written as a chunk")
  func chunked() {
    #expect(
      Self.text(parts: ["hello, world, 16", "", "x"])
        == "HTTP/1.1 200 OK\r\ndate: \(Self.date)\r\ntransfer-encoding: chunked\r\n\r\n"
        + "10\r\nhello, world, 16\r\n1\r\nx\r\n0\r\n\r\n")
  }

  @Test("prepared fields are written like others")
  func constant() {
    var writer = HTTP1ResponseWriter(to: HTTP1RequestHead())
    var head: [UInt8] = []
    writer.appendHead(
      constant: ConstantHeaders([("x-a", "1"), (":status", "201")]), bodyBytes: 0, date: Self.date, to: &head)
    #expect(
      String(decoding: head, as: UTF8.self)
        == "HTTP/1.1 201 \r\ndate: \(Self.date)\r\nx-a: 1\r\ncontent-length: 0\r\n\r\n")
  }

  @Test("a chunk is as large as the room for it", arguments: [-1, 0, 1])
  func room(more: Int) {
    var writer = HTTP1ResponseWriter(to: HTTP1RequestHead())
    var head: [UInt8] = []
    writer.appendHead(HeaderBlock(), bodyBytes: nil, date: Self.date, to: &head)
    let output = HTTPOutputBuffer()
    let most = HTTPOutputBuffer.capacityBytes - 20
    let body = [UInt8](repeating: 0x78, count: most + more)
    #expect(writer.appendBody(body.span.bytes, to: output) == min(most, most + more))
    #expect(output.count <= HTTPOutputBuffer.capacityBytes && writer.appendBody(body.span.bytes, to: output) == 0)
    #expect(!writer.appendEnd(to: output))
    let text = String(decoding: Self.bytes(output), as: UTF8.self)
    #expect(text.hasPrefix(String(min(most, most + more), radix: 16) + "\r\nx") && text.hasSuffix("x\r\n"))
  }

  @Test("version 1.0 has no chunks: the connection's end is the body's end")
  func version10() {
    let kept = Self.request { $0.version = .http10 }
    let begin = "HTTP/1.1 200 OK\r\ndate: \(Self.date)\r\n"
    #expect(Self.text(to: kept, parts: ["hi"]) == begin + "connection: close\r\n\r\nhi")
    #expect(
      Self.text(to: kept, bodyBytes: 2, parts: ["hi"])
        == begin + "content-length: 2\r\nconnection: keep-alive\r\n\r\nhi")
  }

  @Test("a response to HEAD has the fields and no body", arguments: [nil, 2])
  func head(bodyBytes: Int?) {
    let text = Self.text(to: Self.request { $0.isHead = true }, bodyBytes: bodyBytes, parts: ["hi"])
    #expect(
      text == "HTTP/1.1 200 OK\r\ndate: \(Self.date)\r\n" + (bodyBytes == nil ? "" : "content-length: 2\r\n") + "\r\n")
  }

  @Test("204 and 304 have no body and no length", arguments: ["204", "304"])
  func bodyless(status: String) {
    let text = Self.text([(":status", status)], bodyBytes: 2, parts: ["hi"])
    #expect(text.hasSuffix("date: \(Self.date)\r\n\r\n"))
  }

  @Test("a response after which the connection closes says so")
  func closing() {
    let text = Self.text(to: Self.request { $0.keepsAlive = false }, bodyBytes: 0)
    #expect(text.hasSuffix("content-length: 0\r\nconnection: close\r\n\r\n"))
  }

  @Test("a response may have its connection closed")
  func closingField() {
    #expect(
      Self.text([(":status", "505"), ("connection", "close")], bodyBytes: 0).hasSuffix(
        "date: \(Self.date)\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
  }

  @Test("no field can split a response or change its framing")
  func splitting() {
    let text = Self.text(
      [
        (":status", "200"), ("x-a", "1\r\n\r\nHTTP/1.1 200 OK\r\n\0\u{7f}"), ("x\r\ny", "1"), ("", "1"), (":path", "/"),
        ("content-length", "9"), ("transfer-encoding", "x"), ("connection", "x"), ("date", "x"), ("x-tab", "a\tb"),
        ("Content-Length", "9"), ("Transfer-Encoding", "x"), ("CONNECTION", "x"),
      ], bodyBytes: 0)
    #expect(
      text == "HTTP/1.1 200 OK\r\ndate: \(Self.date)\r\nx-a: 1    HTTP/1.1 200 OK    \r\nx-tab: a\tb\r\n"
        + "content-length: 0\r\n\r\n")
  }

  @Test("an invalid status becomes 500", arguments: ["", "20", "2000", "2x0", "099", "200 \r\n"])
  func malformedStatus(status: String) {
    #expect(Self.text([(":status", status)], bodyBytes: 0).hasPrefix("HTTP/1.1 500 Internal Server Error\r\n"))
    #expect(Self.text([], bodyBytes: 0).hasPrefix("HTTP/1.1 500 "))
    #expect(Self.text([(":status", "299")], bodyBytes: 0).hasPrefix("HTTP/1.1 299 \r\n"))
  }

  @Test("100 Continue is a head alone")
  func interim() {
    var output: [UInt8] = []
    HTTP1ResponseWriter.appendContinue(to: &output)
    #expect(String(decoding: output, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
  }

  @Test(
    "dates are written in the format of RFC 9110",
    arguments: [
      (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
      (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
  func dates(seconds: Int, text: String) { #expect(HTTPDate.text(unixSeconds: seconds) == text) }
}

import HTTP1

/// Requests to refuse, by kind.
enum RefusedRequests {
  static var all: [RefusedRequest] { smuggling + lines + hosts + chunks }

  private static func fields(_ refusal: HTTP1Refusal, _ fields: String..., line: String = "POST /x HTTP/1.1")
    -> RefusedRequest
  {
    RefusedRequest(refusal, Wire.request(line, ["Host: a"] + fields, body: "0\r\n\r\n"))
  }

  private static func line(_ refusal: HTTP1Refusal, _ line: String) -> RefusedRequest {
    RefusedRequest(refusal, Wire.request(line))
  }

  private static func host(_ fields: String..., line: String = "POST /x HTTP/1.1") -> RefusedRequest {
    RefusedRequest(.host, Wire.request(line, fields))
  }

  private static func body(_ refusal: HTTP1Refusal, _ body: String) -> RefusedRequest {
    RefusedRequest(refusal, Wire.chunked(body))
  }

  static let smuggling = [
    fields(.twoLengths, "Content-Length: 5", "Transfer-Encoding: chunked"),
    fields(.twoLengths, "Transfer-Encoding: chunked", "Content-Length: 0"),
    fields(.twoLengths, "Transfer-Encoding: gzip, chunked", "Content-Length: 5"),
    fields(.contentLength, "Content-Length: 5", "Content-Length: 5"),
    fields(.contentLength, "Content-Length: 5", "Content-Length: 6"),
    fields(.contentLength, "Content-Length: 5, 5"),
    fields(.contentLength, "Content-Length: +5"), fields(.contentLength, "Content-Length: -5"),
    fields(.contentLength, "Content-Length: 5 5"), fields(.contentLength, "Content-Length: 0x5"),
    fields(.contentLength, "Content-Length: 5.0"), fields(.contentLength, "Content-Length:"),
    fields(.contentLength, "Content-Length: 9223372036854775808"),
    fields(.contentLength, "Content-Length: 18446744073709551621"),
    fields(.transferCoding, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    fields(.transferCoding, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    fields(.transferCoding, "Transfer-Encoding: chunked, chunked"),
    fields(.transferCoding, "Transfer-Encoding: chunked, gzip"),
    fields(.transferCoding, "Transfer-Encoding: identity"), fields(.transferCoding, "Transfer-Encoding: xchunked"),
    fields(.transferCoding, "Transfer-Encoding: chunked;q=1"), fields(.transferCoding, "Transfer-Encoding:"),
    fields(.transferCoding, "Transfer-Encoding: \"chunked\""),
    fields(.transferCoding, "Transfer-Encoding: , chunked x"),
    fields(.transferCoding, "Transfer-Encoding: chunked", line: "POST /x HTTP/1.0"),
    fields(.unknownTransferCoding, "Transfer-Encoding: gzip, chunked"),
    fields(.fieldLine, "Transfer-Encoding: \u{b}chunked"), fields(.fieldLine, "Transfer-Encoding : chunked"),
    fields(.fieldLine, "Content-Length : 5"), fields(.fieldLine, "Content-Length\t: 5"),
    fields(.expectation, "Expect: 200-ok", "Transfer-Encoding: chunked"),
    fields(.expectation, "Expect: 100-continue, 100-continue", "Transfer-Encoding: chunked"),
  ]

  static let lines = [
    RefusedRequest(.lineEnd, "POST /x HTTP/1.1\nHost: a\r\n\r\n"),
    RefusedRequest(.lineEnd, "POST /x HTTP/1.1\r\nHost: a\n\r\n"),
    RefusedRequest(.lineEnd, "POST /x HTTP/1.1\r\nHost: a\r\n\n"), RefusedRequest(.lineEnd, "\r\r\n"),
    RefusedRequest(.requestLine, "\n" + Wire.request()),
    RefusedRequest(.fieldLine, "POST /x HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    RefusedRequest(.fieldLine, "POST /x HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n"),
    RefusedRequest(.requestLine, "POST /x HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    fields(.fieldLine, "X: a\0b"), fields(.fieldLine, "X: a\u{1}"), fields(.fieldLine, "X: 12345678\u{7f}"),
    fields(.fieldLine, "X: a", " folded"), fields(.fieldLine, "X: a", "\tfolded"),
    RefusedRequest(.fieldLine, "POST /x HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n"),
    fields(.fieldLine, ": a"), fields(.fieldLine, "X"), fields(.fieldLine, "X(: a"), fields(.fieldLine, "X y: a"),
    fields(.fieldLine, "\u{e9}: a"), fields(.fieldLine, "X\0: a"), fields(.fieldLine, "X :a"),
    line(.requestLine, "GET /"), line(.requestLine, "GET"), line(.requestLine, "GET  / HTTP/1.1"),
    line(.requestLine, "GET /  HTTP/1.1"), line(.requestLine, "GET / HTTP/1.1 "), line(.requestLine, " GET / HTTP/1.1"),
    line(.requestLine, "GET\t/ HTTP/1.1"), line(.requestLine, "GET / http/1.1"), line(.requestLine, "GET / HTTP/11"),
    line(.requestLine, "GET / HTTP/1.10"), line(.requestLine, "GET / HTTP/1,1"), line(.requestLine, "GET / HTTQ/1.1"),
    line(.requestLine, "G(T / HTTP/1.1"), line(.requestLine, "G\0T / HTTP/1.1"), line(.requestLine, "GET / / HTTP/1.1"),
    line(.requestLine, "\u{16}\u{3}\u{1}"), line(.requestLine, "\u{e9} / HTTP/1.1"),
    line(.version, "GET / HTTP/0.9"), line(.version, "GET / HTTP/1.2"), line(.version, "GET / HTTP/2.0"),
    line(.version, "PRI * HTTP/2.0"), line(.version, "GET / HTTP/9.9"),
    line(.target, "GET * HTTP/1.1"), line(.target, "OPTIONS ** HTTP/1.1"), line(.target, "GET x HTTP/1.1"),
    line(.target, "GET a:80 HTTP/1.1"), line(.target, "GET /a#b HTTP/1.1"), line(.target, "GET /\u{e9} HTTP/1.1"),
    line(.target, "GET /\0 HTTP/1.1"), line(.target, "GET /\u{7f} HTTP/1.1"), line(.target, "GET ftp://a/ HTTP/1.1"),
    line(.target, "GET http:///x HTTP/1.1"), line(.target, "GET http://u@a/ HTTP/1.1"),
    line(.target, "GET http://a:b/ HTTP/1.1"),
    line(.connectMethod, "CONNECT a:80 HTTP/1.1"),
  ]

  static let hosts = [
    host(), host("Host: a", "Host: a"), host("Host: a", "hOsT: b"), host("Host:"), host("Host:  "), host("Host: a, b"),
    host("Host: a b"), host("Host: u@a"), host("Host: a/b"), host("Host: a:x"), host("Host: a:80:80"),
    host("Host: a:65536"), host("Host: :80"), host("Host: [::1"), host("Host: []"), host("Host: [::1]x"),
    host("Host: a%4"), host("Host: a%zz"), host("Host: \u{e9}"), host("Host: http://a"), host("Host: a\\b"),
    host("Host: b", line: "GET http://a/ HTTP/1.1"), host("Host: a:80", line: "GET http://a/ HTTP/1.1"),
    host("Host: a", "Host: a", line: "GET / HTTP/1.0"), host("Host: a@b", line: "GET / HTTP/1.0"),
  ]

  static let chunks = [
    body(.chunk, "\r\n"), body(.chunk, "+5\r\nhello\r\n0\r\n\r\n"), body(.chunk, "-1\r\n"),
    body(.chunk, "0x5\r\nhello\r\n0\r\n\r\n"),
    body(.chunk, "g\r\n"), body(.chunk, " 5\r\nhello\r\n"), body(.chunk, "5 \r\nhello\r\n0\r\n\r\n"),
    body(.chunk, "5 x\r\nhello\r\n"),
    body(.chunk, ";x\r\n"), body(.chunk, "5_0\r\n"), body(.chunk, "5,\r\n"),
    body(.chunk, "00000000000000005\r\nhello\r\n"),
    body(.chunk, "5;a\u{0}\r\n"), body(.chunk, "5;a\rb\r\n"), body(.chunk, "5\r\r\nhello\r\n"),
    body(.chunk, "5\r\nhelloX0\r\n\r\n"), body(.chunk, "5\r\nhello\n0\r\n\r\n"), body(.chunk, "5\r\nhello\rX"),
    body(.chunk, "3\r\nhello\r\n0\r\n\r\n"),
    body(.lineEnd, "5\nhello\r\n0\r\n\r\n"), body(.lineEnd, "5;x\nhello\r\n0\r\n\r\n"), body(.lineEnd, "0\n\r\n"),
    body(.lineEnd, "0\r\n\n"), body(.lineEnd, "0\r\nX: 1\n\r\n"),
    body(.chunkTooLarge, "80000001\r\n"), body(.chunkTooLarge, "ffffffffffffffff\r\n"),
    body(.chunkTooLarge, "100000000\r\n"),
    body(.fieldLine, "0\r\nX\r\n\r\n"), body(.fieldLine, "0\r\nX : 1\r\n\r\n"), body(.fieldLine, "0\r\n X: 1\r\n\r\n"),
    body(.fieldLine, "0\r\nX: \0\r\n\r\n"), body(.fieldLine, "0\r\nContent-Length: 5\r\n\r\n"),
    body(.fieldLine, "0\r\nTransfer-Encoding: chunked\r\n\r\n"), body(.fieldLine, "0\r\nHost: a\r\n\r\n"),
  ]
}

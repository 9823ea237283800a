import Testing

@testable import Admin

@Suite("Admin requests")
struct AdminRequestTests {
  private static func read(_ text: String) -> AdminRequest { AdminRequest(Array(text.utf8)) }

  @Test("a request is read once its empty line is there, and its query is left out")
  func complete() {
    let text = "GET /metrics?name=x HTTP/1.1\r\nhOst: localhost\r\n\r\n"
    for count in 0..<text.utf8.count { #expect(AdminRequest(Array(text.utf8.prefix(count))) == .incomplete) }
    #expect(Self.read(text) == .get(path: "/metrics"))
    #expect(Self.read(text + "rest") == .get(path: "/metrics"))
    #expect(Self.read("GET / HTTP/1.0\r\n\r\n") == .get(path: "/"))
  }

  @Test(
    "what is no request is refused",
    arguments: [
      "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "\0\0\r\n\r\n",
    ])
  func malformed(text: String) { #expect(Self.read(text) == .refused(.badRequest)) }

  @Test("methods other than GET are refused")
  func otherMethods() {
    for method in ["POST", "HEAD", "get"] {
      #expect(Self.read("\(method) /metrics HTTP/1.1\r\nHost: a\r\n\r\n") == .refused(.methodNotAllowed))
    }
  }

  @Test("a head of as many bytes as the limit is read, one more is not")
  func limit() {
    let frame = "GET / HTTP/1.1\r\nHost: \r\n\r\n"
    let fitting = String(repeating: "a", count: AdminRequest.bytesMax - frame.utf8.count)
    #expect(Self.read("GET / HTTP/1.1\r\nHost: \(fitting)\r\n\r\n") == .get(path: "/"))
    #expect(Self.read("GET / HTTP/1.1\r\nHost: \(fitting)a\r\n\r\n") == .refused(.requestTooLarge))
    #expect(Self.read(String(repeating: "a", count: AdminRequest.bytesMax)) == .refused(.requestTooLarge))
    #expect(Self.read(String(repeating: "a", count: AdminRequest.bytesMax - 1)) == .incomplete)
  }
}

import Testing

@testable import Admin

@Suite("Admin requests")
struct AdminRequestTests {
  private static func read(_ text: String) -> AdminRequest { AdminRequest(Array(text.utf8)) }

  @Test("a request is parsed once its empty line is there, and its query is dropped")
  func complete() {
    let text = "GET /metrics?name=x HTTP/1.1\r\nhOst: localhost\r\n\r\n"
    for count in 0..<text.utf8.count { #expect(AdminRequest(Array(text.utf8.prefix(count))) == .incomplete) }
    #expect(Self.read(text) == .get(path: "/metrics"))
    #expect(Self.read(text + "rest") == .get(path: "/metrics"))
    #expect(Self.read("GET / HTTP/1.0\r\n\r\n") == .get(path: "/"))
  }

  @Test(
    "text that is not a request is refused",
    arguments: [
      "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "\0\0\r\n\r\n",
    ])
  func malformed(text: String) { #expect(Self.read(text) == .refused(.badRequest)) }

  @Test("methods other than GET are refused")
  func otherMethods() {
    for method in ["POST", "HEAD", "get"] {
      #expect(Self.read("\(method) /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") == .refused(.methodNotAllowed))
    }
  }

  @Test("a head of the largest size is read, and one byte more is refused")
  func limit() {
    let begin = "GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    let fitting = String(repeating: "a", count: AdminRequest.bytesMax - begin.utf8.count - 4)
    #expect(Self.read("\(begin)\(fitting)\r\n\r\n") == .get(path: "/"))
    #expect(Self.read("\(begin)\(fitting)a\r\n\r\n") == .refused(.requestTooLarge))
    #expect(Self.read(String(repeating: "a", count: AdminRequest.bytesMax)) == .refused(.requestTooLarge))
    #expect(Self.read(String(repeating: "a", count: AdminRequest.bytesMax - 1)) == .incomplete)
  }

  @Test(
    "a request may name an address, localhost, or a name that was given",
    arguments: [
      "localhost", "LOCALHOST:9090", "127.0.0.1", "127.0.0.1:9090", "10.0.0.7:1", "[::1]", "[::1]:9090",
      "[::ffff:10.0.0.7]:9090", "streakd.internal", "Streakd.Internal:9090", "localhost.",
    ])
  func hosts(host: String) {
    let request = AdminRequest(
      Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8), hosts: AdminHosts(["streakd.internal"]))
    #expect(request == .get(path: "/"))
  }

  @Test(
    "any other name is refused: a web page may have chosen it",
    arguments: [
      "", "attacker.example", "attacker.example:9090", "localhost.attacker.example", "127.0.0.1.attacker.example",
      "127.0.0.256", "1.2.3", "127.0.0.1:9090:1", "[::1", "[attacker]:1", "[::1]x", "localhost:x", "streakd.internal",
    ])
  func otherHosts(host: String) {
    #expect(Self.read("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .refused(.misdirectedRequest))
    #expect(Self.read("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n") == .refused(.misdirectedRequest))
  }

  @Test("two Host headers are refused")
  func twoHosts() {
    #expect(
      Self.read("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n") == .refused(.badRequest))
  }
}

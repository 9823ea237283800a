import HTTP
import HTTP1
import Testing

@testable import Admin

@Suite("Admin requests")
struct AdminRequestTests {
  /// The request in a text; nil: HTTP1 refuses it, or it is incomplete.
  private static func read(_ text: String, hosts: AdminHosts = AdminHosts()) -> AdminRequest? {
    var parser = HTTP1RequestParser()
    let headers = ReceivedHeaders()
    var offset = 0
    guard case .head = try? parser.next(in: Array(text.utf8).span.bytes, from: &offset, headers: headers) else {
      return nil
    }
    return AdminRequest(headers, areTooLarge: false, hosts: hosts)
  }

  @Test("a request's path is read, and its query left out")
  func complete() {
    #expect(
      Self.read("GET /metrics?name=x HTTP/1.1\r\nhOst: localhost\r\n\r\n") == .get(path: "/metrics"))
    #expect(Self.read("GET / HTTP/1.0\r\n\r\n") == .get(path: "/"))
    #expect(Self.read("GET http://localhost/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") == .get(path: "/metrics"))
  }

  @Test("methods other than GET are refused")
  func otherMethods() {
    for method in ["POST", "HEAD", "get"] {
      #expect(Self.read("\(method) /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") == .refused(.methodNotAllowed))
    }
  }

  @Test(
    "a request may name an address, localhost, or a configured name",
    arguments: [
      "localhost", "LOCALHOST:9090", "127.0.0.1", "127.0.0.1:9090", "10.0.0.7:1", "[::1]", "[::1]:9090",
      "[::ffff:10.0.0.7]:9090", "streakd.internal", "Streakd.Internal:9090", "localhost.",
    ])
  func hosts(host: String) {
    let request = Self.read(
      "GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n", hosts: AdminHosts(["streakd.internal"]))
    #expect(request == .get(path: "/"))
  }

  @Test(
    "any other name is refused: a web page may have chosen it",
    arguments: [
      "attacker.example", "attacker.example:9090", "localhost.attacker.example", "127.0.0.1.attacker.example",
      "127.0.0.256", "1.2.3", "streakd.internal",
    ])
  func otherHosts(host: String) {
    #expect(Self.read("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .refused(.misdirectedRequest))
    #expect(Self.read("GET / HTTP/1.0\r\nHost: \(host)\r\n\r\n") == .refused(.misdirectedRequest))
    #expect(Self.read("GET http://\(host)/ HTTP/1.0\r\n\r\n") == .refused(.misdirectedRequest))
  }

  @Test(
    "a text that is not a host name is refused",
    arguments: ["", "127.0.0.1:9090:1", "[::1", "[attacker]:1", "[::1]x", "localhost:x"])
  func malformedHosts(host: String) { #expect(!AdminHosts().allows(host)) }
}

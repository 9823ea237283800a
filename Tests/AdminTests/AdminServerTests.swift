import EventLoop
import Glibc
import Testing

@testable import Admin

/// The pages over real sockets.
@Suite("Admin server")
struct AdminServerTests {
  private static func withServer(_ body: (SocketAddress) throws -> Void) async throws {
    let thread = EventLoopThread()
    let server = try await AdminServer.start(
      address: try #require(SocketAddress(host: "127.0.0.1", port: 0)), loop: thread.loop,
      pages: ["/page": { AdminPage(.ok, "text\n") }])
    try body(server.address)
    await server.close()
    thread.stopAndJoin()
  }

  /// Sends the pieces one after the other, and reads until the connection ends.
  private static func exchange(_ pieces: [String], _ address: SocketAddress) throws -> String {
    let peer = try Peer(address)
    for piece in pieces { peer.send(piece) }
    return peer.readToEnd()
  }

  @Test("a page is answered once, and the connection closes")
  func page() async throws {
    let request = "GET /page?x HTTP/1.1\r\nHost: localhost\r\n\r\n"
    try await Self.withServer { address in
      for pieces in [[request], request.map { "\($0)" }, [request + request]] {
        let text = try Self.exchange(pieces, address)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\ndate: "))
        #expect(
          text.hasSuffix(
            "\r\ncontent-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\ncontent-length: 5\r\n"
              + "connection: close\r\n\r\ntext\n"))
      }
    }
  }

  @Test("a path that is not a page is refused, and the connection closes")
  func refusals() async throws {
    let host = "Host: localhost\r\n"
    let big = "X: \(String(repeating: "x", count: AdminListener.headerListBytesMax))\r\n"
    try await Self.withServer { address in
      for (status, request) in [
        ("404 Not Found", "GET /other HTTP/1.1\r\n\(host)\r\n"),
        ("405 Method Not Allowed", "POST /page HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\nabc"),
        ("405 Method Not Allowed", "POST /page HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("421 Misdirected Request", "GET /page HTTP/1.1\r\nHost: attacker.example\r\n\r\n"),
        ("400 Bad Request", "GET /page HTTP/1.1\r\n\r\n"), ("400 Bad Request", "GET /page\r\n\r\n"),
        ("431 Request Header Fields Too Large", "GET /page HTTP/1.1\r\n\(host)\(big)\r\n"),
        ("505 HTTP Version Not Supported", "GET /page HTTP/3.0\r\n\(host)\r\n"),
      ] {
        let text = try Self.exchange([request], address)
        #expect(text.hasPrefix("HTTP/1.1 \(status)\r\n") && text.contains("\r\nconnection: close\r\n"), "\(request)")
        #expect(text.contains("\r\nallow: GET\r\n") == status.hasPrefix("405"))
      }
    }
  }

  @Test("one connection more than the limit is closed at once")
  func connections() async throws {
    try await Self.withServer { address in
      var held: [Peer] = []
      for _ in 0..<AdminListener.connectionsMax {
        let peer = try Peer(address)
        peer.send("GET /page HTTP/1.1\r\n")
        held.append(peer)
      }
      #expect(try Peer(address).readToEnd() == "")
      for peer in held {
        peer.send("Host: localhost\r\n\r\n")
        #expect(peer.readToEnd().hasSuffix("text\n"))
      }
    }
  }
}

/// A blocking socket.
private final class Peer {
  private let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

  init(_ address: SocketAddress) throws {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = address.port.bigEndian
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    let code = withUnsafePointer(to: &name) { name in
      name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(code == 0)
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
  }

  func readToEnd() -> String {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return String(decoding: all, as: UTF8.self) }
      all += buffer[..<count]
    }
  }
}

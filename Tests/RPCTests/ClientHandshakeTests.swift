import EventLoop
import Glibc
import RPC
import Testing

/// A server whose kernel takes connections, and that says nothing on any.
private struct SilentServer: ~Copyable {
  private let descriptor: Int32
  let port: UInt16

  init() {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    unsafe withUnsafeMutablePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        _ = unsafe bind(descriptor, name, length)
        _ = listen(descriptor, 8)
        _ = unsafe getsockname(descriptor, name, &length)
      }
    }
    port = UInt16(bigEndian: name.sin_port)
  }

  deinit { close(descriptor) }
}

@Suite("A client's handshake")
struct ClientHandshakeTests {
  @Test("a server that takes the connection and says nothing ends the calls, deadline or not")
  func silentServer() async throws {
    let server = SilentServer()
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: server.port))
    let client = try await RPCClient.connect(to: address, loop: thread.loop, handshakeMilliseconds: 30)
    let refusal = await status { try await client.call("/bench.Echo/Unary", request: []) { _ in } }
    #expect(refusal?.code == .unavailable)
    #expect(refusal?.message.contains("in time") == true, "\(refusal?.message ?? "answered")")
    client.close()
    thread.stopAndJoin()
  }

  @Test("a server that answers is not cut off once the time has passed")
  func answeringServer() async throws {
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: [thread.loop]) { _ in [] }
    let client = try await RPCClient.connect(to: server.address, loop: thread.loop, handshakeMilliseconds: 200)
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .milliseconds(300) {
      let refusal = await status { try await client.call("/none/None", request: []) { _ in } }
      #expect(refusal?.code == .unimplemented)
    }
    client.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
  }
}

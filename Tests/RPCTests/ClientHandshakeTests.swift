import EventLoop
import RPC
import TestSchema
import TestSupport
import Testing

@Suite("A client's handshake")
struct ClientHandshakeTests {
  @Test("calls end if a server accepts the connection and sends nothing, with or without a deadline")
  func silentServer() async throws {
    let server = try #require(SilentServer())
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: server.port))
    var options = ChannelOptions()
    options.connectMilliseconds = 30
    let client = RPCChannel(to: ChannelTarget(address), loop: thread.loop, options: options)
    let refusal = await status { _ = try await client.responses(EchoMethods.unary) }
    #expect(refusal?.code == .unavailable)
    #expect(refusal?.message.contains("within 30 ms") == true, "\(refusal?.message ?? "answered")")
    client.close()
    thread.stopAndJoin()
  }

  @Test("a server that answers is not disconnected after the time limit")
  func answeringServer() async throws {
    let thread = EventLoopThread()
    let address = try #require(SocketAddress(host: "127.0.0.1", port: 0))
    let server = try await RPCServer.start(address: address, loops: [thread.loop]) { _ in [] }
    var options = ChannelOptions()
    options.connectMilliseconds = 200
    let client = RPCChannel(to: ChannelTarget(server.address), loop: thread.loop, options: options)
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .milliseconds(300) {
      let refusal = await status { _ = try await client.responses(EchoMethods.unary) }
      #expect(refusal?.code == .unimplemented)
    }
    client.close()
    await server.shutdown(graceMilliseconds: 1_000)
    thread.stopAndJoin()
  }
}

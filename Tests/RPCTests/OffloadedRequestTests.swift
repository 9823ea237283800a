import EventLoop
import Glibc
import ProtobufCodec
import TestSchema
import Testing

@testable import RPC

@Suite("Requests that are read in the thread pool")
struct OffloadedRequestTests {
  /// A message that knows which thread read it.
  private struct Probe: ProtobufMessage {
    static var descriptor: MessageDescriptor { EchoMessage.descriptor }
    var echo = EchoMessage()
    var reader = pthread_t()

    init() {}
    init(cMessage: UnsafeRawPointer) {
      unsafe echo = EchoMessage(cMessage: cMessage)
      reader = pthread_self()
    }
    func cMessage(in arena: inout Arena) -> UnsafeMutableRawPointer? { unsafe echo.cMessage(in: &arena) }
    func collectViolations(_ violations: inout FieldViolations) { echo.collectViolations(&violations) }
  }

  /// Says whether the loop read the request, and how many bytes its payload had.
  private static let probe = ServerMethod.unary(EchoMethods.unary) { (request: Probe, _) in
    EchoMessage(message: "\(request.reader == pthread_self()) \(request.echo.payload.count)")
  }

  /// A payload whose message takes `count` bytes with its prefix.
  private static func message(_ count: Int) -> EchoMessage {
    var message = EchoMessage(payload: [UInt8](repeating: 7, count: count - 16))
    message.payload += [UInt8](
      repeating: 7, count: count - message.protobufBytes().count - MessageFraming.prefixBytes)
    return message
  }

  @Test("a request of 1 MiB is read on the loop, one byte more in the pool", arguments: [0, 1])
  func limit(excess: Int) async throws {
    var limits = RPCLimits()
    limits.largeRequestBytesMax = 8 << 20
    let message = Self.message(ServerContext.readOnLoopBytesMax + excess)
    try await Fixture.with(limits: limits, methods: [Self.probe]) { fixture in
      let answer = try await fixture.call(EchoMethods.unary, message)
      #expect(answer.first?.message == "\(excess == 0) \(message.payload.count)")
      #expect(await fixture.server.metrics().largeRequestBytes == 0)
    }
  }

  @Test("a compressed request that may expand to more than 1 MiB is read in the pool", arguments: [100, 3 << 20])
  func compressed(count: Int) async throws {
    var limits = RPCLimits()
    limits.largeRequestBytesMax = 8 << 20
    try await Fixture.with(limits: limits, methods: [Self.probe]) { fixture in
      let answer = try await fixture.call(
        EchoMethods.unary, EchoMessage(payload: [UInt8](repeating: 0, count: count)), encoding: .gzip)
      #expect(answer.first?.message == "\(count == 100) \(count)")
      #expect(await fixture.server.metrics().largeRequestBytes == 0)
    }
  }

  @Test("a large request that cannot be decoded is INVALID_ARGUMENT, one past the limit RESOURCE_EXHAUSTED")
  func refused() async throws {
    var limits = RPCLimits()
    limits.largeRequestBytesMax = 8 << 20
    limits.messageBytesMax = 2 << 20
    try await Fixture.with(limits: limits, methods: [Self.probe]) { fixture in
      var bytes = Self.message(ServerContext.readOnLoopBytesMax + 1).protobufBytes()
      bytes[bytes.count - 1] = 0xFF
      bytes[0] = 0xFF
      let broken = bytes
      let malformed = await status { _ = try await fixture.client.responses(EchoMethods.unary, broken) }
      #expect(malformed?.code == .invalidArgument)
      let expanding = await status {
        _ = try await fixture.call(
          EchoMethods.unary, EchoMessage(payload: [UInt8](repeating: 0, count: 2 << 20)), encoding: .gzip)
      }
      #expect(expanding?.code == .resourceExhausted)
      let next = try await fixture.call(EchoMethods.unary, EchoMessage(message: "on"))
      #expect(next.first?.message == "true 0")
    }
  }
}

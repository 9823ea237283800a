import EventLoop
import ProtobufCodec
@testable import RPC
import TestSchema
import Testing

@Suite("Compression")
struct CompressionTests {
  /// Answers with its request, compressed, and reports in a trailer whether the request was
  /// compressed.
  private static let echo = ServerMethod.unary(EchoMethods.unary) { (request: EchoMessage, context) throws(RPCStatus) in
    context.addTrailingMetadata("x-was-compressed", "\(context.requestWasCompressed)")
    context.offerCompression()
    return request
  }

  @Test("a compressed request and response arrive unchanged", arguments: [0, 1, 100_000])
  func bothWays(count: Int) async throws {
    let message = EchoMessage(message: "x", payload: [UInt8](repeating: 7, count: count))
    try await Fixture.with(methods: [Self.echo]) { fixture in
      let responses = try await fixture.call(EchoMethods.unary, message, encoding: .gzip)
      #expect(responses == [message])
      for encoding in [MessageEncoding.identity, .gzip] {
        let reply = try await fixture.client.unary(
          EchoMethods.unary, message, EchoMessage.self, options: CallOptions(encoding: encoding))
        let wasCompressed = reply.trailingMetadata.first { $0.name == "x-was-compressed" }?.value
        #expect(wasCompressed == "\(encoding == .gzip)")
      }
    }
  }

  @Test("a message that expands to the limit passes, one byte more is RESOURCE_EXHAUSTED", arguments: [0, 1])
  func limit(excess: Int) async throws {
    var limits = RPCLimits()
    limits.messageBytesMax = 10_000
    try await Fixture.with(limits: limits) { fixture in
      let message = EchoMessage(message: String(repeating: "m", count: 10_000 - 3 + excess))
      let status = await status { _ = try await fixture.call(EchoMethods.unary, message, encoding: .gzip) }
      #expect(status?.code == (excess == 0 ? nil : .resourceExhausted))
    }
  }

  @Test("a stream may mix compressed and plain messages")
  func mixed() async throws {
    let method = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
      (request: EchoMessage, responses: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
      guard context.offerCompression() else { throw RPCStatus(.internal, "our client takes gzip") }
      for index in 0..<10 {
        context.compressesResponses = index.isMultiple(of: 2)
        try await responses.write(request)
      }
    }
    try await Fixture.with(methods: [method]) { fixture in
      let message = EchoMessage(payload: [UInt8](repeating: 1, count: 30_000))
      let responses = try await fixture.call(EchoMethods.`repeat`, message)
      #expect(responses == [EchoMessage](repeating: message, count: 10))
    }
  }

  @Test("an unknown coding is UNIMPLEMENTED, and the server continues")
  func unknownCoding() async throws {
    try await Fixture.with { fixture in
      let refusal = try await RawCall.make(
        to: fixture.server.address, loop: fixture.thread.loop, path: EchoMethods.unary.path,
        metadata: [("grpc-encoding", "deflate")], body: [])
      #expect(refusal.status == "\(RPCStatusCode.unimplemented.rawValue)")
      let responses = try await fixture.call(EchoMethods.unary, EchoMessage(message: "on"))
      #expect(responses.count == 1)
    }
  }

  @Test("a message flagged as compressed that is not gzip is INTERNAL")
  func corrupt() {
    do throws(RPCStatus) {
      _ = try MessageEncoding.expand([1, 2, 3], 0..<3, byteLimit: 10)
      Issue.record("expanded")
    } catch {
      #expect(error.code == .internal)
    }
  }

  @Test(
    "gzip is found as an element of a list of codings, and not as part of another",
    arguments: [
      ("gzip", true), ("identity, deflate,gzip", true), ("identity,gzip ,x", true), ("", false), ("xgzip", false),
      ("br;q=1.0, gzip;q=0.8, *;q=0.1", true), ("GZIP", true), ("gzip;q=0", false), ("gzip ; q=0.000", false),
    ])
  func list(text: String, holds: Bool) {
    #expect(ContentNegotiation.takesGzip([text]) == holds)
  }
}

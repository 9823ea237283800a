import EventLoop
import Gzip
import ProtobufCodec
@testable import RPC
import TestSchema
import Testing

/// Compression on the wire, where errors of our own client cannot hide errors of the server.
@Suite("Compression on the wire")
struct CompressionWireTests {
  /// Answers with three copies, the second of them plain.
  private static let copies = ServerMethod.serverStreaming(EchoMethods.`repeat`) {
    (request: EchoMessage, responses: ResponseWriter<EchoMessage>, context) throws(RPCStatus) in
    let offered = context.offerCompression()
    for index in 0..<3 {
      context.compressesResponses = offered && index != 1
      try await responses.write(request)
    }
  }

  private static let message = EchoMessage(payload: [UInt8](repeating: 1, count: 10_000))

  /// A message's prefix and bytes.
  private static func framed(_ bytes: [UInt8], flag: UInt8) -> [UInt8] {
    var framed: [UInt8] = []
    MessageFraming.append(to: &framed) { $0 += bytes }
    framed[0] = flag
    return framed
  }

  private static func compressed(_ message: EchoMessage) throws -> [UInt8] {
    let plain = message.protobufBytes()
    var compressed: [UInt8] = []
    try Gzip.compress(plain.span.bytes, appendingTo: &compressed)
    return compressed
  }

  private static func call(
    _ fixture: Fixture, _ method: MethodDescriptor, _ body: [UInt8], _ metadata: [(name: String, value: String)]
  ) async throws -> RawCall.Response {
    try await RawCall.make(
      to: fixture.server.address, loop: fixture.thread.loop, path: method.path, metadata: metadata, body: body)
  }

  @Test("each response has its own compression flag, and the header names the coding")
  func responseFlags() async throws {
    try await Fixture.with(methods: [Self.copies]) { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.`repeat`, Self.framed(Self.message.protobufBytes(), flag: 0),
        [("grpc-accept-encoding", "identity,deflate,gzip")])
      #expect(response.flags == [1, 0, 1])
      #expect(response.headers["grpc-encoding"] == "gzip")
      #expect(response.body.count < 11_000)
      #expect(response.status == "0")
    }
  }

  @Test("nothing is compressed for a client that does not accept gzip", arguments: [nil, "identity", "deflate"])
  func notTaken(accepted: String?) async throws {
    try await Fixture.with(methods: [Self.copies]) { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.`repeat`, Self.framed(Self.message.protobufBytes(), flag: 0),
        accepted.map { [("grpc-accept-encoding", $0)] } ?? [])
      #expect(response.flags == [0, 0, 0])
      #expect(response.headers["grpc-encoding"] == nil)
      #expect(response.status == "0")
    }
  }

  @Test("an uncompressed answer has no header about compression")
  func ordinary() async throws {
    try await Fixture.with { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.unary, Self.framed(Self.message.protobufBytes(), flag: 0),
        [("grpc-accept-encoding", "gzip")])
      #expect(response.flags == [0])
      #expect(Set(response.headers.keys) == [":status", "content-type"])
    }
  }

  @Test("an unknown coding is refused with the list of the known ones")
  func acceptEncoding() async throws {
    try await Fixture.with { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.unary, Self.framed([1, 2, 3], flag: 1), [("grpc-encoding", "snappy")])
      #expect(response.status == "12")
      #expect(response.headers["grpc-accept-encoding"] == "identity,gzip")
    }
  }

  @Test("a plain message is accepted although gzip was named")
  func plainUnderGzip() async throws {
    try await Fixture.with { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.unary, Self.framed(Self.message.protobufBytes(), flag: 0), [("grpc-encoding", "gzip")])
      #expect(response.status == "0")
    }
  }

  @Test("a compressed message without a coding other than identity is INTERNAL", arguments: [nil, "identity"])
  func noCoding(encoding: String?) async throws {
    try await Fixture.with { fixture in
      let response = try await Self.call(
        fixture, EchoMethods.unary, Self.framed(try Self.compressed(Self.message), flag: 1),
        encoding.map { [("grpc-encoding", $0)] } ?? [])
      #expect(response.status == "13")
    }
  }

  @Test("gzip that is empty, cut short, damaged or followed by other bytes is INTERNAL, in both kinds of calls")
  func corrupt() async throws {
    let whole = try Self.compressed(Self.message)
    var damaged = whole
    damaged[whole.count - 5] ^= 1
    try await Fixture.with { fixture in
      for bytes in [[], Array(whole.dropLast()), Array(whole.prefix(9)), damaged, whole + [0]] {
        for method in [EchoMethods.unary, EchoMethods.collect] {
          let response = try await Self.call(
            fixture, method, Self.framed(bytes, flag: 1), [("grpc-encoding", "gzip")])
          #expect(response.status == "13", "\(method.path), \(bytes.count) bytes")
        }
      }
      let responses = try await fixture.call(EchoMethods.unary, Self.message)
      #expect(responses.count == 1)
    }
  }

  @Test(
    "a small message that expands to the default limit of 4 MiB passes, one byte more is RESOURCE_EXHAUSTED",
    arguments: [0, 1])
  func bomb(excess: Int) async throws {
    let limit = RPCLimits().messageBytesMax
    #expect(limit == 4 * 1_024 * 1_024)
    // Tag and a length of four bytes before the payload.
    let message = EchoMessage(payload: [UInt8](repeating: 0, count: limit - 5 + excess))
    #expect(message.protobufBytes().count == limit + excess)
    let body = Self.framed(try Self.compressed(message), flag: 1)
    #expect(body.count < limit / 200)
    try await Fixture.with { fixture in
      for method in [EchoMethods.unary, EchoMethods.collect] {
        let response = try await Self.call(fixture, method, body, [("grpc-encoding", "gzip")])
        #expect(response.status == (excess == 0 ? "0" : "8"), "\(method.path)")
      }
    }
  }

  @Test("a compressed message longer than the limit is refused by its prefix", arguments: [0, 1])
  func compressedLength(excess: Int) async throws {
    var limits = RPCLimits()
    limits.messageBytesMax = 1_000
    try await Fixture.with(limits: limits) { fixture in
      let body = Self.framed([UInt8](repeating: 0, count: 1_000 + excess), flag: 1)
      let response = try await Self.call(fixture, EchoMethods.unary, body, [("grpc-encoding", "gzip")])
      // At the limit the message is read, and is not gzip.
      #expect(response.status == (excess == 0 ? "13" : "8"))
    }
  }
}

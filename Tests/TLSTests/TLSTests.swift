@testable import TLS
import Testing

/// Two sessions connected in memory.
private struct Pair {
  let client: TLSSession
  let server: TLSSession

  init(server: TLSContext, trusting authorities: String, host: String = "localhost") throws {
    client = try TLSContext(clientTrusting: authorities).connectSession(host: host)
    self.server = try server.acceptSession()
    try client.start()
  }

  /// Passes one session's output to the other, `step` bytes at a time, and returns the plain bytes.
  func move(_ from: TLSSession, _ to: TLSSession, step: Int = .max) throws -> [UInt8] {
    let bytes = Self.outgoing(of: from)
    var plain: [UInt8] = []
    var offset = 0
    while offset < bytes.count {
      let end = offset + min(step, bytes.count - offset)
      try to.receive(bytes[offset..<end].span.bytes) { received in
        for index in 0..<received.byteCount { plain.append(received.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
        return true
      }
      offset = end
    }
    return plain
  }

  static func outgoing(of session: TLSSession) -> [UInt8] {
    session.takeOutgoing { bytes in
      (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
  }

  func continueHandshake(step: Int = .max) throws {
    while client.hasOutgoing || server.hasOutgoing {
      _ = try move(client, server, step: step)
      _ = try move(server, client, step: step)
    }
  }
}

@Suite("TLS")
struct TLSTests {
  private let certificates: Certificates

  init() throws { certificates = try Certificates.shared.get() }

  private func pair(_ name: String, trusting authorities: String = "ca.pem", host: String = "localhost") throws -> Pair
  {
    try Pair(
      server: TLSContext(server: certificates.server(name)), trusting: certificates.path(authorities), host: host)
  }

  /// Why the handshake fails on the client's side; nil if it does not.
  private func refusal(_ pair: Pair) -> String? {
    do {
      try pair.continueHandshake()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("an idle session frees its buffers' memory, and goes on")
  func trim() throws {
    let pair = try pair("localhost")
    try pair.continueHandshake()
    let message = [UInt8](repeating: 7, count: 100_000)
    for round in 0..<2 {
      try pair.client.write(message.span.bytes)
      // Waiting bytes are kept.
      pair.client.trimBuffers()
      #expect(try pair.move(pair.client, pair.server) == message, "round \(round)")
      try pair.server.write(message.span.bytes)
      #expect(try pair.move(pair.server, pair.client) == message, "round \(round)")
      #expect(pair.server.bufferBytes > 200_000)
      pair.server.trimBuffers()
      #expect(pair.server.bufferBytes <= 2 * 4_096)
    }
  }

  @Test("bytes arrive both ways, however the encrypted ones are cut", arguments: [1, 7, 1_000, .max])
  func bothWays(step: Int) throws {
    let pair = try pair("localhost")
    try pair.continueHandshake(step: step)
    #expect(pair.client.isEstablished && pair.server.isEstablished)
    let message = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
    try pair.client.write(message.span.bytes)
    #expect(try pair.move(pair.client, pair.server, step: step) == message)
    try pair.server.write(message.span.bytes)
    #expect(try pair.move(pair.server, pair.client, step: step) == message)
    pair.client.end()
    _ = try pair.move(pair.client, pair.server)
    #expect(pair.server.receivedEnd)
  }

  @Test("a numeric address is compared with the certificate's addresses")
  func address() throws {
    #expect(refusal(try pair("localhost", host: "127.0.0.1")) == nil)
    #expect(refusal(try pair("localhost", host: "127.0.0.2"))?.contains("IP address mismatch") == true)
  }

  @Test(
    "a certificate of another name, of an unknown authority, or past its time is refused, with the reason",
    arguments: [
      ("elsewhere", "ca.pem", "hostname mismatch"),
      ("localhost", "other-ca.pem", "unable to get local issuer certificate"),
      ("expired", "ca.pem", "certificate has expired"),
    ])
  func refused(name: String, authorities: String, reason: String) throws {
    let told = refusal(try pair(name, trusting: authorities))
    #expect(told?.contains(reason) == true, "\(told ?? "accepted")")
  }

  @Test("a client without the required certificate is refused")
  func clientCertificate() throws {
    let context = try TLSContext(server: certificates.server("localhost", clientAuthorities: "ca.pem"))
    let pair = try Pair(server: context, trusting: certificates.path("ca.pem"))
    #expect(refusal(pair)?.contains("peer did not return a certificate") == true)
  }

  @Test("bytes that are not TLS are refused, in the handshake and after it")
  func nonsense() throws {
    let fresh = try pair("localhost")
    #expect(throws: TLSError.self) { try fresh.server.receive(Array("PRI * HTTP/2.0".utf8).span.bytes) { _ in true } }
    let joined = try pair("localhost")
    try joined.continueHandshake()
    try joined.client.write([1, 2, 3].span.bytes)
    var bytes = Pair.outgoing(of: joined.client)
    bytes[bytes.count - 1] ^= 1
    #expect(throws: TLSError.self) { try joined.server.receive(bytes.span.bytes) { _ in true } }
  }

  @Test("unusable files are refused, and the error names them")
  func files() throws {
    var files = certificates.server("localhost")
    files.privateKey = certificates.path("second.key")
    #expect(throws: TLSError.self) { try TLSContext(server: files) }
    files.privateKey = certificates.path("missing.key")
    do throws(TLSError) {
      _ = try TLSContext(server: files)
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains("missing.key"))
    }
  }
}

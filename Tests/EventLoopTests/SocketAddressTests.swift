import EventLoop
import Testing

@Suite("Socket addresses")
struct SocketAddressTests {
  private static func group(_ host: String) throws -> String? {
    try #require(SocketAddress(host: host, port: 1)).limitGroup
  }

  @Test(
    "IPv6 addresses are in one group if their first 64 bits are equal, and each IPv4 address is its own group",
    arguments: [
      ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true), ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
      ("2001:db8::1", "2001:db8:0:0:1::", true), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
      ("::ffff:192.0.2.1", "192.0.2.1", true), ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
    ])
  func groups(one: String, other: String, areOne: Bool) throws {
    #expect(try (Self.group(one) == Self.group(other)) == areOne)
  }

  @Test("a Unix socket has no group")
  func unix() { #expect(SocketAddress(unixPath: "/x")?.limitGroup == nil) }
}

/// How strictly calls are limited.
package struct RateLimitSettings: Sendable {
  /// Multiplies the limits that the schema declares; 0: they do not apply.
  package var factor = 1
  /// The most calls of one signed-in person each second, per loop; a burst of one second's calls is
  /// admitted at once. 0: no limit.
  package var callsPerPersonPerSecondMax = 2_000
  /// The most streams that one signed-in person has open, per loop.
  package var streamsPerPersonMax = 64
  /// The most calls from one address each second, per loop; 0: no limit.
  package var callsPerAddressPerSecondMax = 20_000
  /// The most bytes of stashes that one address has the server store in an hour; 0: no limit.
  package var stashBytesPerAddressMax = 128 << 20
  /// The proxies whose `x-forwarded-for` header is trusted.
  package var trustedProxies: [AddressRange] = []
  /// A peer that is connected by a Unix socket is a trusted proxy.
  package var trustsUnixSocket = false

  package init() {}

  var trustsProxies: Bool { trustsUnixSocket || !trustedProxies.isEmpty }
}

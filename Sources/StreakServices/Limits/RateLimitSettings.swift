/// How strictly calls are limited.
public struct RateLimitSettings: Sendable {
  /// Multiplies the limits that the schema declares; 0: they do not apply.
  public var factor = 1
  /// The most calls of one signed-in person each second, per loop; a burst of one second's calls is
  /// admitted at once. 0: no limit.
  public var callsPerPersonPerSecondMax = 2_000
  /// The most streams that one signed-in person has open, per loop.
  public var streamsPerPersonMax = 64
  /// The most calls from one address each second, per loop; 0: no limit.
  public var callsPerAddressPerSecondMax = 20_000
  /// The proxies whose `x-forwarded-for` header is trusted.
  public var trustedProxies: [AddressRange] = []
  /// A peer that is connected by a Unix socket is a trusted proxy.
  public var trustsUnixSocket = false

  public init() {}

  var trustsProxies: Bool { trustsUnixSocket || !trustedProxies.isEmpty }
}

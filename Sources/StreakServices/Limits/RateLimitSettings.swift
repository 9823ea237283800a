/// How strictly calls are limited.
public struct RateLimitSettings: Sendable {
  /// The limits that the schema declares are multiplied with it; 0: they do not apply.
  public var factor = 1
  /// Calls of one signed-in person each second, per loop; a burst of one second's is let through at
  /// once. 0: no limit.
  public var callsPerPersonPerSecondMax = 2_000
  /// Streams that one signed-in person has open, per loop.
  public var streamsPerPersonMax = 64
  /// Calls from one address each second, per loop; 0: no limit.
  public var callsPerAddressPerSecondMax = 20_000
  /// Proxies that are believed when they say whom they speak for (`x-forwarded-for`).
  public var trustedProxies: [AddressRange] = []
  /// Whoever is connected by a Unix socket is such a proxy.
  public var trustsUnixSocket = false

  public init() {}

  var trustsProxies: Bool { trustsUnixSocket || !trustedProxies.isEmpty }
}

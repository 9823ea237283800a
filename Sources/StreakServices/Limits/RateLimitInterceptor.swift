internal import EventLoop
internal import RPC
internal import StreakDomain
internal import StreakStore

/// Refuses calls beyond their limits before their method runs: those of the schema, unless the
/// method counts its calls itself, and a signed-in person's calls each second. One per loop, inside
/// the authenticator.
struct RateLimitInterceptor: ServerInterceptor {
  let limiter: RateLimiter
  let calls: PersonCalls

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    let principal = context.principal as? Principal
    if let principal { try calls.count(principal.userID, context) }
    if let limit = context.method.policy.rateLimit, !limit.isCountedByMethod {
      try await limiter.count(context, person: principal?.userID.bytes)
    }
    try await next(context)
  }
}

/// Counts the calls of one signed-in person each second, and the requests of streams that count as
/// calls. One per loop.
struct PersonCalls: Sendable {
  private let meter: LimitMeter
  private let people: LoopBound<LoadShedder<Identifier>>

  /// Loop thread only.
  init(settings: RateLimitSettings, meter: LimitMeter, loop: EventLoop) {
    self.meter = meter
    people = LoopBound(LoadShedder(callsPerSecondMax: settings.callsPerPersonPerSecondMax), loop: loop)
  }

  /// - Throws: `TOO_MANY_REQUESTS`.
  func count(_ userID: Identifier, _ context: ServerContext) throws(RPCStatus) {
    guard !people.value.admits(userID, atMilliseconds: context.loop.nowMilliseconds) else { return }
    meter.count(.callsPerPerson)
    throw Reason.tooManyRequests.status
  }
}

/// Refuses calls of an address beyond its limit each second, before any other work for them. Such
/// calls leave no audit event. One per loop, outermost.
struct LoadInterceptor: ServerInterceptor {
  private let addresses: ClientAddresses
  private let meter: LimitMeter
  private let shedder: LoopBound<LoadShedder<String>>

  /// Loop thread only.
  init(addresses: ClientAddresses, settings: RateLimitSettings, meter: LimitMeter, loop: EventLoop) {
    self.addresses = addresses
    self.meter = meter
    shedder = LoopBound(LoadShedder(callsPerSecondMax: settings.callsPerAddressPerSecondMax), loop: loop)
  }

  func concerns(_ method: MethodDescriptor) -> Bool { shedder.value.isActive }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    if let group = addresses.group(of: context),
      !shedder.value.admits(group, atMilliseconds: context.loop.nowMilliseconds)
    {
      meter.count(.callsPerAddress)
      throw Reason.tooManyRequests.status
    }
    try await next(context)
  }
}

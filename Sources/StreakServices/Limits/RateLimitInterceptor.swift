internal import EventLoop
internal import RPC
internal import StreakDomain
internal import StreakStore

/// Refuses calls beyond their limits before their method runs: those of the schema, unless the method counts its calls itself, and a signed-in
/// person's calls each second. One per loop, inside the authenticator.
struct RateLimitInterceptor: ServerInterceptor {
  let limiter: RateLimiter
  private let people: LoopBound<LoadShedder<Identifier>>

  /// Loop thread only.
  init(limiter: RateLimiter, settings: RateLimitSettings, loop: EventLoop) {
    self.limiter = limiter
    people = LoopBound(LoadShedder(callsPerSecondMax: settings.callsPerPersonPerSecondMax), loop: loop)
  }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    let principal = context.principal as? Principal
    if let principal, !people.value.admits(principal.userID, atMilliseconds: context.loop.nowMilliseconds) {
      throw Refusal.tooManyRequests.status
    }
    if let limit = context.method.policy.rateLimit, !limit.isCountedByMethod {
      try await limiter.count(context, person: principal?.userID.bytes)
    }
    try await next(context)
  }
}

/// Sheds calls of an address that makes more each second than one may, before anything else is done about them. Such calls leave no audit
/// event. One per loop, outermost.
struct LoadInterceptor: ServerInterceptor {
  private let addresses: ClientAddresses
  private let shedder: LoopBound<LoadShedder<String>>

  /// Loop thread only.
  init(addresses: ClientAddresses, settings: RateLimitSettings, loop: EventLoop) {
    self.addresses = addresses
    shedder = LoopBound(LoadShedder(callsPerSecondMax: settings.callsPerAddressPerSecondMax), loop: loop)
  }

  func concerns(_ method: MethodDescriptor) -> Bool { shedder.value.isActive }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    if let group = addresses.group(of: context),
      !shedder.value.admits(group, atMilliseconds: context.loop.nowMilliseconds)
    {
      throw Refusal.tooManyRequests.status
    }
    try await next(context)
  }
}

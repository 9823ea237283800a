internal import EventLoop
internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore

/// Refuses calls beyond their limits before their method runs: those of the schema, unless the
/// method counts its calls itself, and a signed-in person's calls each second. One per loop, inside
/// the authenticator.
struct RateLimitInterceptor: ServerInterceptor {
  let limiter: RateLimiter
  let calls: PersonCalls
  /// Whether the method has a limit that is counted here.
  private var countsMethod = false
  /// Whether a person's limit is one for each of the person's devices.
  private var countsDevice = false

  init(limiter: RateLimiter, calls: PersonCalls) {
    self.limiter = limiter
    self.calls = calls
  }

  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? {
    var bound = self
    bound.countsMethod = method.policy.rateLimit.map { !$0.isCountedByMethod } ?? false
    bound.countsDevice = method.policy.rateLimit?.isForEachDevice ?? false
    return bound
  }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    let principal = context.principal
    // A stranger's device must not keep the owner from ending its credentials, at any rate of
    // calls.
    if let principal, !countsDevice { try calls.count(principal.userID, context) }
    if countsMethod {
      let device = countsDevice ? principal?.deviceID?.bytes ?? [] : []
      try await limiter.count(context, person: principal.map { $0.userID.bytes + device })
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
  let shedder: AddressShedder

  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? { shedder.isActive ? self : nil }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    guard shedder.admits(context, atMilliseconds: context.loop.nowMilliseconds) else {
      throw Reason.tooManyRequests.status
    }
    try await next(context)
  }
}

internal import EventLoop
internal import GRPCSchema
internal import RPC
internal import Schema
internal import enum StreakDomain.Reason
internal import StreakStore

/// Stores an audit event of each attempt at a method whose policy asks for it, refused attempts
/// included. A call whose event cannot be stored is answered with an error.
///
/// Refusals without an account (an invalid token) are stored up to a limit for each address:
/// callers without an account must not be able to fill the table. Calls that verified email and
/// password are exempt: they have limits of their own, and must take as long for unknown emails as
/// for known ones.
///
/// One per loop, outside the authenticator, so that refused credentials are recorded too.
struct AuditInterceptor: ServerInterceptor {
  let store: StreakStore
  let addresses: ClientAddresses
  private let meter: LimitMeter
  private let unauthenticated: LoopBound<LoadShedder<String>>
  private let allUnauthenticated: LoopBound<LoadShedder<Bool>>

  /// Refusals without an account that are stored for one address each second, on each loop.
  static let unauthenticatedEventsPerSecondMax = 10

  /// The same for all addresses together.
  static let allUnauthenticatedEventsPerSecondMax = 20

  /// Loop thread only.
  init(store: StreakStore, addresses: ClientAddresses, meter: LimitMeter, loop: EventLoop) {
    self.store = store
    self.addresses = addresses
    self.meter = meter
    allUnauthenticated = LoopBound(
      LoadShedder(callsPerSecondMax: Self.allUnauthenticatedEventsPerSecondMax), loop: loop)
    unauthenticated = LoopBound(LoadShedder(callsPerSecondMax: Self.unauthenticatedEventsPerSecondMax), loop: loop)
  }

  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? { method.policy.isAudited ? self : nil }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    var refusal: RPCStatus?
    do throws(RPCStatus) {
      try await next(context)
    } catch {
      refusal = error
    }
    if context.audit.isStored {
      if let refusal { throw refusal }
      return
    }
    if let refusal, context.isUnauthenticated, !Self.isUniform(refusal), !admitsUnauthenticated(context) {
      meter.count(.unauthenticatedEvents)
      throw refusal
    }
    let event = Self.event(of: context, refusal, from: addresses)
    // A task of its own: the event is stored even if the call is cancelled.
    let store = store
    let stored = await Task(executorPreference: context.loop) { () -> Result<Void, RPCStatus> in
      do throws(RPCStatus) {
        return .success(try await mappingStoreErrors { () throws(StoreError) in try await store.recordAudit(event) })
      } catch {
        return .failure(error)
      }
    }.value
    if case .failure(let failure) = stored { throw refusal ?? failure }
    if let refusal { throw refusal }
  }

  private func admitsUnauthenticated(_ context: ServerContext) -> Bool {
    let now = context.loop.nowMilliseconds
    return unauthenticated.value.admits(addresses.group(of: context) ?? "", atMilliseconds: now)
      && allUnauthenticated.value.admits(true, atMilliseconds: now)
  }

  private static func isUniform(_ refusal: RPCStatus) -> Bool {
    let reason = refusal.detail(GoogleRPCErrorInfo.self)?.reason
    return reason == Reason.signInRefused.name || reason == Reason.signUpRefused.name
  }

  /// The event of a call that was answered with OK or refused.
  static func event(
    of context: ServerContext, _ refusal: RPCStatus? = nil, from addresses: ClientAddresses
  ) -> AuditEventRecord {
    let principal = context.principal
    let caller = principal == nil ? context.operatorCaller : nil
    let detail = context.audit.detail ?? caller.map { "operator=\($0.name)" } ?? ""
    return AuditEventRecord(
      userID: principal?.userID, occurredAt: .now(), method: shortMethod(context),
      outcome: (refusal?.code ?? .ok).name, reason: refusal?.detail(GoogleRPCErrorInfo.self)?.reason ?? "",
      deviceID: principal?.deviceID, peerAddress: addresses.text(of: context), detail: detail)
  }

  private static func shortMethod(_ context: ServerContext) -> String {
    let service = context.method.service
    let name = service.lastIndex(of: ".").map { service[service.index(after: $0)...] } ?? service[...]
    return "\(name)/\(context.method.name)"
  }
}

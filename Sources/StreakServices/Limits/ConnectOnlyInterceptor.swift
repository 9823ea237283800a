internal import RPC
internal import Schema
internal import enum StreakDomain.Reason

/// Refuses calls of methods that take Connect's POST only (`connect_only`) and come another way.
/// Such a method reads or sets a cookie, which browsers add to requests of any page; the header
/// `connect-protocol-version` shows that a page of this origin, or no page, makes the call.
struct ConnectOnlyInterceptor: ServerInterceptor {
  func bound(to method: MethodDescriptor) -> (any ServerInterceptor)? { method.policy.isConnectOnly ? self : nil }

  func intercept(
    _ context: ServerContext, _ next: (ServerContext) async throws(RPCStatus) -> Void
  ) async throws(RPCStatus) {
    guard context.takesCookies else { throw Reason.connectRequired.status }
    try await next(context)
  }
}

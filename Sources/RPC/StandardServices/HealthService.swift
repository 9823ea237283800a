internal import EventLoop
public import GRPCSchema

/// The standard health service of one loop. `isServing` is asked at every check and once a second
/// while a client watches.
public struct HealthService: GRPCHealthV1Health {
  /// How often watchers look for a change, in milliseconds.
  static let watchIntervalMilliseconds: UInt64 = 1_000

  private let services: Set<String>
  private let isServing: @Sendable () -> Bool

  /// - Parameters:
  ///   - services: Full names of the services that can be asked for; the server as a whole always
  ///     can.
  ///   - isServing: Whether calls can be served now.
  public init(services: [String], isServing: @escaping @Sendable () -> Bool) {
    self.services = Set(services)
    self.isServing = isServing
  }

  private func status(_ service: String) -> GRPCHealthV1HealthCheckResponse.ServingStatus {
    guard service.isEmpty || services.contains(service) else { return .serviceUnknown }
    return isServing() ? .serving : .notServing
  }

  public func check(_ request: GRPCHealthV1HealthCheckRequest, context: ServerContext) async throws(RPCStatus)
    -> GRPCHealthV1HealthCheckResponse
  {
    let status = status(request.service)
    guard status != .serviceUnknown else { throw RPCStatus(.notFound, "There is no service \(request.service).") }
    return GRPCHealthV1HealthCheckResponse(status: status)
  }

  public func watch(
    _ request: GRPCHealthV1HealthCheckRequest, responses: ResponseWriter<GRPCHealthV1HealthCheckResponse>,
    context: ServerContext
  ) async throws(RPCStatus) {
    var last: GRPCHealthV1HealthCheckResponse.ServingStatus?
    while !Task.isCancelled {
      let status = status(request.service)
      if status != last { try await responses.write(GRPCHealthV1HealthCheckResponse(status: status)) }
      last = status
      await context.loop.sleep(milliseconds: Self.watchIntervalMilliseconds)
    }
  }
}

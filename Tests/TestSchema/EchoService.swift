public import RPC

/// The service of the benchmark and the tests: returns what it receives.
public struct EchoService: Echo {
  public init() {}

  public func unary(_ request: EchoMessage, context: ServerContext) async throws(RPCStatus) -> EchoMessage { request }

  /// One copy per byte of the request's payload.
  public func `repeat`(_ request: EchoMessage, responses: ResponseWriter<EchoMessage>, context: ServerContext)
    async throws(RPCStatus)
  {
    for _ in request.payload { try await responses.write(request) }
  }

  /// All texts joined.
  public func collect(requests: RequestStream<EchoMessage>, context: ServerContext) async throws(RPCStatus)
    -> EchoMessage
  {
    var all = EchoMessage()
    while let request = try await requests.next() { all.message += request.message }
    return all
  }

  public func chat(
    requests: RequestStream<EchoMessage>, responses: ResponseWriter<EchoMessage>, context: ServerContext
  ) async throws(RPCStatus) {
    while let request = try await requests.next() { try await responses.write(request) }
  }
}

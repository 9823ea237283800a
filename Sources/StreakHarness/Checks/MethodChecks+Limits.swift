internal import EventLoop
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC

extension MethodChecks {
  /// Limits of more calls than this are not tested.
  static let limitCallsMax = 100

  /// Calls a method as often as the schema allows, and once more; another user must not be
  /// affected.
  func runLimits() async -> Suite {
    let started = WallClock.nowMilliseconds
    do { try await checkLimit() } catch {
      fail("journey", expected: "to go on", actual: "\(error)", request: "", credentials: "")
    }
    finish(since: started)
    return suite
  }

  private func checkLimit() async throws {
    guard let limit = method.callsPerPerson, limit <= Self.limitCallsMax, needsPerson, !method.effects.endsCredentials,
      !method.effects.isConditional
    else { return skip("no limit for a person that calls alone can reach") }
    // A repeated request that gets a stored reply is not counted: so each call must differ.
    let mustDiffer = method.isIdempotent && !method.isReadOnly
    var last: DynamicMessage?
    for count in 1...limit {
      let request = try await RequestBuilder(person, form: .smallest).request(of: method)
      if mustDiffer, request == last { return skip("its limit: the same call again is not counted") }
      last = request
      let reply = try await check("call \(count) of \(limit)", request, .success)
      guard reply.status == nil else { return }
    }
    let request = try await RequestBuilder(person, form: .smallest).request(of: method)
    let reply = await caller.call(method, request.protobuf(schema), token: try await person.token(for: method))
    let delay = reply.status?.detail(GoogleRPCRetryInfo.self)?.retryDelay?.seconds ?? 0
    let name = "call \(limit + 1) of \(limit)"
    if reply.status?.code == .resourceExhausted, !reply.reason.isEmpty, delay > 0 {
      pass(name)
    } else {
      fail(
        name, expected: "RESOURCE_EXHAUSTED with a reason and a delay", actual: reply.summary + ", delay \(delay) s",
        request: request, credentials: credentials)
    }
    newPerson()
    let other = try await RequestBuilder(person, form: .smallest).request(of: method)
    try await check("another person is not affected", other, .success)
  }
}

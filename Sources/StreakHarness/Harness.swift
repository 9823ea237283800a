package import RPC
internal import ProtobufCodec
internal import GRPCSchema
internal import Schema

/// The settings of a run.
package struct HarnessSettings: Sendable {
  /// Determines the shape of all requests.
  package var seed: UInt64 = 0
  /// The server's address, for the commands in the report.
  package var address = ""
  /// Parts of method names, such as `StreakService` or `SyncService/Sync`; empty: all.
  package var only: [String] = []
  /// Rounds of invalid requests for each method.
  package var fuzzRounds = 4
  /// Test the limits of calls instead, on a server that applies the schema's limits unchanged.
  package var limits = false
  /// Also test the limits of lists that may be longer than `BoundaryValues.itemsMax`: each request
  /// has megabytes.
  package var longLists = false
  /// How the channel carries calls: malformed protobuf cannot be sent as JSON.
  package var rpcProtocol = ClientProtocol.grpc
  /// The options of a command that repeats a check over the same protocol; empty, or with a space
  /// in front.
  package var protocolOptions = ""
  /// The operator's token, which no call gives; nil: the operators' methods are only tested without
  /// credentials.
  package var operatorToken: String?

  package init() {}
}

/// Tests a server against its schema.
package struct Harness {
  private let schema: ServiceSchema
  private let settings: HarnessSettings
  private let caller: Caller

  package init(_ schema: ServiceSchema, _ channel: RPCChannel, _ settings: HarnessSettings) {
    var schema = schema
    if let token = settings.operatorToken { schema.givenTokens[MethodSchema.authenticationAdmin] = token }
    self.schema = schema
    self.settings = settings
    caller = Caller(channel)
  }

  /// Makes one call.
  /// - Returns: Why no server answers; nil: one does, with any status.
  package static func reach(_ channel: RPCChannel) async -> String? {
    let method = MethodDescriptor(
      service: "grpc.health.v1.Health", name: "Check", kind: .unary, request: GoogleProtobufAny.descriptor,
      response: GoogleProtobufAny.descriptor)
    let call = channel.start(method, request: [], options: CallOptions(timeoutMilliseconds: Caller.timeoutMilliseconds))
    do throws(RPCStatus) {
      while try await call.next() != nil {}
      return nil
    } catch {
      // The service's own replies have a reason.
      let isAnswer = error.code != .unavailable && error.code != .deadlineExceeded
      return isAnswer || error.detail(GoogleRPCErrorInfo.self) != nil ? nil : error.message
    }
  }

  /// The filters that match no method.
  package func unmatchedFilters() -> [String] {
    settings.only.filter { filter in !schema.methods.contains { Self.matches($0.label, filter) } }
  }

  /// The names of a file's scenarios.
  /// - Throws: A fault in the file.
  package static func scenarioNames(in text: String) throws -> [String] { try ScenarioFile(text).scenarios.map(\.name) }

  /// Checks every method.
  /// - Parameter progress: Receives each suite when it is complete.
  package func run(progress: (Suite) -> Void = { _ in }) async -> Report {
    var report = Report(seed: settings.seed, address: settings.address)
    let shared = SharedPeople(schema, caller, seed: settings.seed)
    for method in schema.methods where isWanted(method.label) {
      let checks = MethodChecks(method, settings, schema, caller, shared)
      let suite = settings.limits ? await checks.runLimits() : await checks.run()
      report.suites.append(suite)
      progress(suite)
    }
    return report
  }

  /// Runs the scenarios of a file.
  /// - Parameters:
  ///   - text: Format: Tests/Scenarios/README.md.
  ///   - file: Its name, for the report.
  /// - Throws: A fault in the file.
  package func play(_ text: String, file: String) async throws -> Report {
    var report = Report(seed: settings.seed, address: settings.address)
    for scenario in try ScenarioFile(text).scenarios
    where settings.only.isEmpty || settings.only.contains(scenario.name) {
      report.suites.append(await ScenarioRunner(scenario, file: file, schema, caller, settings).run())
    }
    return report
  }

  private func isWanted(_ label: String) -> Bool {
    settings.only.isEmpty || settings.only.contains { Self.matches(label, $0) }
  }

  private static func matches(_ label: String, _ filter: String) -> Bool {
    label == filter || (!filter.contains("/") && label.contains(filter))
  }
}

extension ServiceSchema {
  /// The schema that this program was built with.
  package static func ofBuild() throws -> ServiceSchema {
    try ServiceSchema(files: (GRPCSchemaCatalog.files + SchemaCatalog.files).map(\.serialized), overlay: .streak())
  }

  /// The schema of a running server, read by reflection.
  package static func ofServer(_ channel: RPCChannel) async throws -> ServiceSchema {
    let method = MethodDescriptor(
      service: "grpc.reflection.v1.ServerReflection", name: "ServerReflectionInfo", kind: .bidirectionalStreaming,
      request: GRPCReflectionV1ServerReflectionRequest.descriptor,
      response: GRPCReflectionV1ServerReflectionResponse.descriptor)
    let stream = channel.streaming(
      method, GRPCReflectionV1ServerReflectionRequest.self, GRPCReflectionV1ServerReflectionResponse.self,
      options: CallOptions(timeoutMilliseconds: Caller.timeoutMilliseconds))
    func ask(
      _ question: GRPCReflectionV1ServerReflectionRequest.MessageRequest
    ) async throws -> GRPCReflectionV1ServerReflectionResponse.MessageResponse {
      try await stream.send(GRPCReflectionV1ServerReflectionRequest(messageRequest: question))
      guard let answer = try await stream.next()?.messageResponse else {
        throw SchemaError(description: "Reflection ended early.")
      }
      if case .errorResponse(let error) = answer { throw SchemaError(description: "Reflection: \(error.errorMessage)") }
      return answer
    }
    guard case .listServicesResponse(let list) = try await ask(.listServices("")) else {
      throw SchemaError(description: "Reflection does not list services.")
    }
    var files: [[UInt8]] = []
    for service in list.service {
      guard case .fileDescriptorResponse(let answer) = try await ask(.fileContainingSymbol(service.name)) else {
        continue
      }
      files += answer.fileDescriptorProto
    }
    stream.cancel()
    return try ServiceSchema(files: files, overlay: .streak())
  }
}

import ProtobufCodec

/// Generates the protocol, the binding and the method table of a service.
struct ServiceGenerator {
  let names: Names

  func service(_ schema: ProtoService, of file: ProtoFile) throws -> String {
    let name = names.prefix(file.package) + schema.name
    let methods = try schema.methods.map { try MethodGenerator($0, service: schema, of: file, names) }
    func policies(_ methods: [MethodGenerator]) -> String {
      "  /// The policies of `all`, in its order.\n  package static let policies = [\n"
        + methods.map { "    \($0.policy),\n" }.joined() + "  ]\n"
    }
    return """
      \(schema.documentation(""))public protocol \(name): Sendable {
      \(methods.map(\.requirement).joined())}

      extension \(name) {
        /// Every method, bound to this implementation.
        public var methods: [ServerMethod] {
          [
      \(methods.map { $0.binding(name) }.joined())    ]
        }
      }

      /// What the schema says of each method of `\(schema.fullName.dropFirst())`.
      public enum \(name)Methods {
      \(methods.map(\.descriptor).joined())  public static let all = [\(methods.map(\.name).joined(separator: ", "))]
      \(file.statesPolicies ? policies(methods) : "")}

      """
  }
}

private struct MethodGenerator {
  let name: String
  private let schema: ProtoMethod
  private let service: ProtoService
  private let input: String
  private let output: String
  private let idempotency: String
  /// The policy as a Swift expression.
  let policy: String

  init(_ schema: ProtoMethod, service: ProtoService, of file: ProtoFile, _ names: Names) throws {
    self.schema = schema
    self.service = service
    name = Names.lowerCamel(schema.name)
    input = names.swiftType(schema.input)
    output = names.swiftType(schema.output)
    idempotency =
      switch schema.idempotencyLevel {
      case 1: ", idempotency: .noSideEffects"
      case 2: ", idempotency: .idempotent"
      default: ""
      }
    let authentications = [1: "none", 2: "session", 3: "user", 4: "admin"]
    let authentication = schema.policy?.number(1).flatMap { authentications[Int($0)] }
    if file.statesPolicies && authentication == nil {
      throw GeneratorError("\(service.fullName.dropFirst()).\(schema.name) states no authentication policy")
    }
    policy =
      "MethodPolicy(authentication: .\(authentication ?? "none"), isAudited: \(schema.policy?.number(2) == 1)"
      + "\(try Self.rateLimit(schema.policy))"
      + "\(schema.policy?.number(5) == 1 ? ", isConnectOnly: true" : ""))"
  }

  /// The argument for the largest request; empty if the method has no policy for it.
  private var requestBytes: String { schema.policy?.number(4).map { ", requestBytesMax: \($0)" } ?? "" }

  /// The other arguments of a policy: `streak.v1.RateLimit` as a Swift expression; empty if the
  /// method has none.
  private static func rateLimit(_ policy: WireMessage?) throws -> String {
    guard let limit = try policy?.messages(3).last else { return "" }
    func rate(_ number: UInt32) throws -> String {
      guard let rate = try limit.messages(number).last else { return "nil" }
      guard let calls = rate.number(1), (1...10_000).contains(calls), let seconds = rate.number(2),
        (1...604_800).contains(seconds)
      else { throw GeneratorError("a rate is 1 to 10000 calls in 1 to 604800 seconds") }
      return "Rate(calls: \(calls), seconds: \(seconds))"
    }
    return ", rateLimit: RateLimit(perPerson: \(try rate(1)), perAddress: \(try rate(2)), "
      + "isCountedByMethod: \(limit.number(3) == 1), isForEachDevice: \(limit.number(4) == 1))"
  }

  private var kind: String {
    switch (schema.clientStreams, schema.serverStreams) {
    case (false, false): "unary"
    case (false, true): "serverStreaming"
    case (true, false): "clientStreaming"
    case (true, true): "bidirectionalStreaming"
    }
  }

  var requirement: String {
    let request = schema.clientStreams ? "requests: RequestStream<\(input)>" : "_ request: \(input)"
    let responses = schema.serverStreams ? ", responses: ResponseWriter<\(output)>" : ""
    let result = schema.serverStreams ? "" : " -> \(output)"
    return schema.documentation("  ")
      + "  func \(name)(\(request)\(responses), context: ServerContext) async throws(RPCStatus)\(result)\n"
  }

  func binding(_ type: String) -> String {
    let parameters = schema.serverStreams ? "request, responses, context" : "request, context"
    let request = schema.clientStreams ? "requests: request" : "request"
    let responses = schema.serverStreams ? ", responses: responses" : ""
    return "      .\(kind)(\(type)Methods.\(name)) { \(parameters) throws(RPCStatus) in\n"
      + "        try await \(name)(\(request)\(responses), context: context)\n      },\n"
  }

  var descriptor: String {
    "  public static let \(name) = MethodDescriptor(\n"
      + "    service: \"\(service.fullName.dropFirst())\", name: \"\(schema.name)\", kind: .\(kind)\(idempotency)\(requestBytes),\n"
      + "    request: \(input).descriptor, response: \(output).descriptor)\n"
  }
}

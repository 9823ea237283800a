internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import SplitMix

/// A caller of the server, with its existing objects by the kinds of the schema's meanings.
final class Person {
  let schema: ServiceSchema
  let caller: Caller
  /// Values by kind, the latest last.
  private(set) var values: [String: [DynamicValue]] = [:]
  /// The number of the last queue item that the server accepted (`VALUE_SOURCE_NEXT_NUMBER`).
  private(set) var lastNumber: Int64 = 0
  /// The prefix of this person's free texts: no other caller may ever receive it.
  let canary: String
  /// Determines the shape of requests; it follows from the seed.
  var randomness: SplitMix64
  /// Determines new values, which must never repeat, not even with the same seed.
  private var salt = SystemRandomNumberGenerator()

  init(_ schema: ServiceSchema, _ caller: Caller, _ randomness: SplitMix64) {
    self.schema = schema
    self.caller = caller
    self.randomness = randomness
    var salt = SystemRandomNumberGenerator()
    canary = "canary" + (0..<6).map { _ in UInt8.random(in: 0...255, using: &salt) }.hexadecimal
  }

  func fresh(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &salt) } }

  func value(_ kind: String) -> DynamicValue? { values[kind]?.last }

  /// The token for calls of a method; nil for none. A missing token is obtained by calls.
  func token(for method: MethodSchema) async throws -> String? { try await token(method.authentication) }

  func token(_ authentication: Int64) async throws -> String? {
    if let given = schema.givenTokens[authentication] { return given }
    guard let form = schema.tokens[authentication] else { return nil }
    var text = form.prefix
    var joined: [UInt8] = []
    for kind in form.parts {
      try await ensure(kind)
      guard case .bytes(let bytes) = value(kind) else { return nil }
      if isText(kind) { text += String(decoding: bytes, as: UTF8.self) } else { joined += bytes }
    }
    return text + joined.base64URL
  }

  /// Whether values of a kind are strings.
  func isText(_ kind: String) -> Bool {
    schema.messages.values.lazy.flatMap(\.fields).first { $0.meaning.kind == kind }?.type == .string
  }

  /// Creates an object of a kind if there is none, with the first method that provides it.
  func ensure(_ kind: String) async throws {
    guard value(kind) == nil else { return }
    guard let provider = schema.methods.first(where: { $0.effects.provides.contains(kind) }) else {
      throw HarnessError("No method of the schema provides \(kind).")
    }
    let request = try await RequestBuilder(self, form: .smallest).request(of: provider)
    let reply = await caller.call(provider, request.protobuf(schema), token: try await token(for: provider))
    guard reply.status == nil else {
      throw HarnessError("\(provider.label) was to provide \(kind), but: \(reply.summary)")
    }
    try learn(provider, request, reply)
    guard value(kind) != nil else { throw HarnessError("\(provider.label) gave no \(kind).") }
  }

  /// Records the objects that exist after a successful call.
  func learn(_ method: MethodSchema, _ request: DynamicMessage, _ reply: Reply) throws {
    walk(request) { field, value in
      let meaning = field.meaning
      if meaning.source == .nextNumber, case .number(let number) = value { lastNumber = max(lastNumber, number) }
      if meaning.ends, !method.isReadOnly { values[meaning.kind]?.removeAll { $0 == value } }
      if meaning.isNew, method.effects.provides.contains(meaning.kind) {
        values[meaning.kind, default: []].append(value)
      }
    }
    for bytes in reply.messages {
      walk(try DynamicMessage(method.response, bytes: bytes, schema)) { field, value in
        guard method.effects.provides.contains(field.meaning.kind), !field.meaning.isNew else { return }
        values[field.meaning.kind, default: []].append(value)
      }
    }
  }

  private func walk(_ message: DynamicMessage, _ body: (FieldSchema, DynamicValue) -> Void) {
    for field in schema.message(message.type).fields {
      for value in message.fields[field.number] ?? [] {
        body(field, value)
        if case .message(let child) = value { walk(child, body) }
      }
    }
  }

  /// The replies of all read-only methods that need no other arguments, by method.
  func snapshot() async throws -> [String: DynamicMessage] {
    var shown: [String: DynamicMessage] = [:]
    for method in schema.methods
    where method.isReadOnly && method.authentication == MethodSchema.authenticationUser && !method.clientStreams
      && !method.serverStreams
    {
      let message = schema.message(method.request)
      guard !message.fields.contains(where: { $0.rules.required }) else { continue }
      let reply = await caller.call(method, [], token: try await token(for: method))
      guard let bytes = reply.messages.first, reply.status == nil else {
        throw HarnessError("\(method.label) shows no state: \(reply.summary)")
      }
      var state = try DynamicMessage(method.response, bytes: bytes, schema)
      for field in schema.message(method.response).fields where field.meaning.isTrail { state[field] = nil }
      shown[method.label] = state
    }
    return shown
  }
}

/// Why the harness cannot continue.
struct HarnessError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

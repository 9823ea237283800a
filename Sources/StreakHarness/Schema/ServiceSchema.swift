internal import ProtobufCodec

/// Why descriptors cannot be used as a schema.
public struct SchemaError: Error, CustomStringConvertible {
  public let description: String
}

/// A server's schema, read from its descriptors: from the build or by reflection, without generated
/// code. Source of all field numbers: google/protobuf/descriptor.proto, and
/// proto/streak/v1/annotations.proto for the options.
public struct ServiceSchema: Sendable {
  /// By full name, such as `streak.v1.Habit`.
  let messages: [String: MessageSchema]
  /// The names of the values, by full name of the enum.
  let enums: [String: [Int64: String]]
  /// In the order of the files. Methods without a policy belong to other services and are left out.
  let methods: [MethodSchema]
  /// The structure of tokens, by the kind of authentication.
  let tokens: [Int64: TokenForm]
  /// Tokens that no call gives, from the settings, by the kind of authentication.
  var givenTokens: [Int64: String] = [:]

  /// - Parameter files: Serialised `google.protobuf.FileDescriptorProto`s; a file may occur twice.
  public init(files: [[UInt8]]) throws {
    var messages: [String: MessageSchema] = [:]
    var enums: [String: [Int64: String]] = [:]
    var methods: [MethodSchema] = []
    var tokens: [Int64: TokenForm] = [:]
    var names: Set<String> = []

    func addEnum(_ wire: WireMessage, _ scope: String) throws {
      var values: [Int64: String] = [:]
      for value in try wire.messages(2) {
        let number = Int64(bitPattern: value.number(2) ?? 0)
        values[number] = value.string(1)
        if let form = try value.message(3).messages(50_001).last, scope + wire.string(1) == "streak.v1.Authentication" {
          tokens[number] = TokenForm(prefix: form.string(1), parts: form.strings(2))
        }
      }
      enums[scope + wire.string(1)] = values
    }
    func addMessage(_ wire: WireMessage, _ scope: String) throws {
      let name = scope + wire.string(1)
      messages[name] = try MessageSchema(name: name, wire)
      for nested in try wire.messages(3) { try addMessage(nested, name + ".") }
      for nested in try wire.messages(4) { try addEnum(nested, name + ".") }
    }
    for bytes in files {
      let file = try WireMessage(bytes)
      guard names.insert(file.string(1)).inserted else { continue }
      let scope = file.string(2).isEmpty ? "" : file.string(2) + "."
      for message in try file.messages(4) { try addMessage(message, scope) }
      for enumeration in try file.messages(5) { try addEnum(enumeration, scope) }
      for service in try file.messages(6) {
        for method in try service.messages(2) {
          if let method = try MethodSchema(service: scope + service.string(1), method) { methods.append(method) }
        }
      }
    }
    self.messages = messages
    self.enums = enums
    self.methods = methods
    self.tokens = tokens
    for method in methods {
      for type in [method.request, method.response] where messages[type] == nil {
        throw SchemaError(description: "\(method.path) uses \(type), which no file declares")
      }
    }
  }

  /// An empty schema for an undeclared message; descriptors that passed the check above have none.
  func message(_ name: String) -> MessageSchema { messages[name] ?? MessageSchema(name: name) }

  /// The name of an enum's value, or its number.
  func name(of number: Int64, in enumeration: String) -> String { enums[enumeration]?[number] ?? "\(number)" }
}

/// The structure of a token: `prefix`, then the values of these kinds.
struct TokenForm: Sendable {
  let prefix: String
  let parts: [String]
}

/// The schema's description of one method.
struct MethodSchema: Sendable {
  /// For example `streak.v1.SyncService`.
  let service: String
  let name: String
  let request: String
  let response: String
  let clientStreams: Bool
  let serverStreams: Bool
  /// `streak.v1.Authentication`.
  let authentication: Int64
  let isIdempotent: Bool
  let isReadOnly: Bool
  let hasSameReply: Bool
  let endsCredentials: Bool
  let provides: [String]
  let isConditional: Bool
  /// Other protocols than Connect are refused.
  let isConnectOnly: Bool
  /// Most calls of one person, and the number of seconds for which the limit holds.
  let callsPerPerson: Int?

  static let authenticationNone: Int64 = 1
  static let authenticationUser: Int64 = 3
  static let authenticationAdmin: Int64 = 4

  var path: String { "/\(service)/\(name)" }
  /// For example `SyncService/Sync`.
  var label: String { (service.split(separator: ".").last.map(String.init) ?? service) + "/" + name }

  /// Nil if the method has no policy.
  init?(service: String, _ wire: WireMessage) throws {
    guard let policy = try wire.message(4).messages(50_001).last else { return nil }
    self.service = service
    name = wire.string(1)
    request = String(wire.string(2).dropFirst())
    response = String(wire.string(3).dropFirst())
    clientStreams = wire.number(5) == 1
    serverStreams = wire.number(6) == 1
    authentication = Int64(policy.number(1) ?? 0)
    isIdempotent = policy.number(3) == 1
    // `idempotency_level = NO_SIDE_EFFECTS`.
    isReadOnly = try wire.message(4).number(34) == 1
    hasSameReply = policy.number(6) == 1
    endsCredentials = policy.number(7) == 1
    provides = policy.strings(8)
    isConditional = policy.number(9) == 1
    isConnectOnly = policy.number(11) == 1
    callsPerPerson = try policy.message(4).messages(1).last?.number(1).map { Int($0) }
  }
}

/// The schema's description of one message.
struct MessageSchema: Sendable {
  let name: String
  /// In the order of declaration.
  var fields: [FieldSchema] = []
  /// Name, and whether a member must be set.
  var oneofs: [(name: String, mustBeSet: Bool)] = []

  init(name: String) { self.name = name }

  init(name: String, _ wire: WireMessage) throws {
    self.name = name
    fields = try wire.messages(2).map { try FieldSchema($0) }
    oneofs = try wire.messages(8).map { ($0.string(1), try $0.message(2).number(50_001) == 1) }
  }

  func field(_ number: UInt32) -> FieldSchema? { fields.first { $0.number == number } }
  /// The field with this name in the schema or in JSON.
  func field(named name: String) -> FieldSchema? { fields.first { $0.name == name || $0.jsonName == name } }
}

/// The schema's description of one field.
struct FieldSchema: Sendable {
  let name: String
  let jsonName: String
  let number: UInt32
  let isRepeated: Bool
  let type: FieldType
  /// The full name of its message or enum.
  let typeName: String
  let oneof: Int?
  let rules: FieldRules
  let isJudgedApart: Bool
  let meaning: FieldMeaning

  init(_ wire: WireMessage) throws {
    name = wire.string(1)
    jsonName = wire.string(10)
    number = UInt32(truncatingIfNeeded: wire.number(3) ?? 0)
    isRepeated = wire.number(4) == 3
    guard let type = Self.types[wire.number(5) ?? 0] else {
      throw SchemaError(description: "field \(wire.string(1)) has type \(wire.number(5) ?? 0), which is not supported")
    }
    self.type = type
    typeName = String(wire.string(6).dropFirst())
    oneof = wire.number(9).map { Int($0) }
    let options = try wire.message(8)
    let rules = try options.messages(50_001).last
    self.rules = Self.rules(rules)
    isJudgedApart = rules?.number(10) == 1
    meaning = FieldMeaning(try options.messages(50_002).last)
  }

  private static let types: [UInt64: FieldType] = [
    1: .double, 2: .float, 3: .int64, 4: .uint64, 5: .int32, 6: .fixed64, 7: .fixed32, 8: .bool, 9: .string,
    11: .message, 12: .bytes, 13: .uint32, 14: .enumeration, 15: .sfixed32, 16: .sfixed64, 17: .sint32, 18: .sint64,
  ]

  private static func rules(_ wire: WireMessage?) -> FieldRules {
    guard let wire else { return FieldRules() }
    func signed(_ number: UInt32) -> Int64 {
      let value = wire.number(number) ?? 0
      return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
    return FieldRules(
      required: wire.number(1) == 1, uuid: wire.number(2) == 1, minBytes: Int(wire.number(3) ?? 0),
      maxBytes: Int(wire.number(4) ?? 0), maxItems: Int(wire.number(5) ?? 0),
      range: wire.number(6) == 1 && signed(7) <= signed(8) ? signed(7)...signed(8) : nil,
      definedOnly: wire.number(9) == 1)
  }

  /// A string or bytes.
  var isText: Bool { type == .string || type == .bytes }
}

/// The meaning of a field's value. Source: proto/streak/v1/annotations.proto, `FieldMeaning`.
struct FieldMeaning: Sendable {
  enum Source: UInt64, Sendable {
    case free = 0
    case history, email, now, hybridNow, utcOffset, dayStart, day, nextNumber, captureHash, reason
  }

  var kind = ""
  var isNew = false
  var ends = false
  var isSecret = false
  var isTrail = false
  var constant = ""
  var source = Source.free
  var judges = ""
  var counts = ""

  init(_ wire: WireMessage?) {
    guard let wire else { return }
    kind = wire.string(1)
    isNew = wire.number(2) == 1
    constant = wire.string(3)
    source = wire.number(4).flatMap { Source(rawValue: $0) } ?? .free
    judges = wire.string(5)
    counts = wire.string(6)
    ends = wire.number(7) == 1
    isSecret = wire.number(8) == 1
    isTrail = wire.number(9) == 1
  }

  /// Whether only the rules restrict the value.
  var isFree: Bool { (kind.isEmpty || isNew) && constant.isEmpty && source == .free && counts.isEmpty }
}

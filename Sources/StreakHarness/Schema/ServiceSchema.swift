internal import ProtobufCodec

/// Why descriptors cannot be used as a schema.
package struct SchemaError: Error, CustomStringConvertible {
  package let description: String
}

/// A server's schema, read from its descriptors: from the build or by reflection, without generated
/// code; with what an overlay adds to it. Source of all field numbers:
/// google/protobuf/descriptor.proto; for the options proto/streak/v1/annotations.proto and
/// proto/streak/v1/validate.proto.
package struct ServiceSchema: Sendable {
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

  /// - Parameters:
  ///   - files: Serialised `google.protobuf.FileDescriptorProto`s; a file may occur twice.
  ///   - overlay: What it says of undeclared names is ignored.
  package init(files: [[UInt8]], overlay: SchemaOverlay) throws {
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
        if scope + wire.string(1) == "streak.v1.Authentication" {
          tokens[number] = overlay.tokens[value.string(1)]
        }
      }
      enums[scope + wire.string(1)] = values
    }
    func addMessage(_ wire: WireMessage, _ scope: String) throws {
      let name = scope + wire.string(1)
      messages[name] = try MessageSchema(name: name, wire, overlay)
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
          if let method = try MethodSchema(service: scope + service.string(1), method, overlay) {
            methods.append(method)
          }
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
  /// What the overlay says of its effects.
  let effects: MethodEffects
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
  init?(service: String, _ wire: WireMessage, _ overlay: SchemaOverlay) throws {
    guard let policy = try wire.message(4).messages(50_001).last else { return nil }
    self.service = service
    name = wire.string(1)
    request = String(wire.string(2).dropFirst())
    response = String(wire.string(3).dropFirst())
    clientStreams = wire.number(5) == 1
    serverStreams = wire.number(6) == 1
    authentication = Int64(policy.number(1) ?? 0)
    // `idempotency_level`: NO_SIDE_EFFECTS or IDEMPOTENT.
    let level = try wire.message(4).number(34)
    isIdempotent = level == 1 || level == 2
    isReadOnly = level == 1
    isConnectOnly = policy.number(5) == 1
    effects = overlay.methods["\(service).\(name)"] ?? MethodEffects()
    callsPerPerson = try policy.message(3).messages(1).last?.number(1).map { Int($0) }
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

  init(name: String, _ wire: WireMessage, _ overlay: SchemaOverlay) throws {
    self.name = name
    fields = try wire.messages(2).map { field in
      try FieldSchema(field, overlay.fields["\(name).\(field.string(1))"] ?? FieldMeaning())
    }
    oneofs = try wire.messages(8).map { ($0.string(1), try $0.message(2).message(1159).number(1) == 1) }
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

  init(_ wire: WireMessage, _ meaning: FieldMeaning) throws {
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
    let rules = try wire.message(8).message(1159)
    self.rules = try Self.rules(rules)
    isJudgedApart = try [rules, rules.message(18).message(4)].contains { $0.number(27) == 3 }
    self.meaning = meaning
  }

  private static let types: [UInt64: FieldType] = [
    1: .double, 2: .float, 3: .int64, 4: .uint64, 5: .int32, 6: .fixed64, 7: .fixed32, 8: .bool, 9: .string,
    11: .message, 12: .bytes, 13: .uint32, 14: .enumeration, 15: .sfixed32, 16: .sfixed64, 17: .sint32, 18: .sint64,
  ]

  /// The rules of a field, or of the items of its list.
  private static func rules(_ wire: WireMessage) throws -> FieldRules {
    let list = try wire.message(18)
    var rules = FieldRules(required: wire.number(25) == 1, maxItems: Int(clamping: list.number(2) ?? 0))
    rules.judgesItemsApart = try list.message(4).number(27) == 3
    for value in [wire, try list.message(4)] {
      let (string, bytes) = (try value.message(14), try value.message(15))
      let length = bytes.number(13) ?? string.number(20)
      if let least = length ?? bytes.number(2) ?? string.number(4) { rules.minBytes = Int(clamping: least) }
      if let greatest = length ?? bytes.number(3) ?? string.number(5) { rules.maxBytes = Int(clamping: greatest) }
      if bytes.number(15) == 1 { rules.uuid = true }
      if try value.message(16).number(2) == 1 { rules.definedOnly = true }
      for number in [3, 4, 5, 6, 7] as [UInt32] {
        guard let bounds = try value.messages(number).last else { continue }
        let (least, greatest) = (bounds.integer(5, isZigzag: number == 7), bounds.integer(3, isZigzag: number == 7))
        if least <= greatest { rules.range = least...greatest }
      }
    }
    return rules
  }

  /// A string or bytes.
  var isText: Bool { type == .string || type == .bytes }
}

import ProtobufCodec

/// A .proto file. Source of all field numbers here: google/protobuf/descriptor.proto.
struct ProtoFile {
  let name: String
  let package: String
  let dependencies: [String]
  let messages: [ProtoMessage]
  let enums: [ProtoEnum]
  let services: [ProtoService]
  /// The file defines options for other files: no code is generated for it.
  let isForGenerator: Bool
  let serialized: [UInt8]

  init(_ wire: WireMessage) throws {
    name = wire.string(1)
    package = wire.string(2)
    dependencies = wire.strings(3)
    let comments = try Comments(wire.message(9))
    let scope = package.isEmpty ? "" : "." + package
    messages = try wire.messages(4).enumerated().map { try ProtoMessage($1, scope, comments, [4, $0]) }
    enums = try wire.messages(5).enumerated().map { try ProtoEnum($1, scope, comments, [5, $0]) }
    services = try wire.messages(6).enumerated().map { try ProtoService($1, scope, comments, [6, $0]) }
    isForGenerator = !wire.payloads(7).isEmpty || wire.string(12) != "proto3"
    serialized = wire.encoded(without: 9)
  }
}

/// The comments of a file, by the path of the element that follows them.
struct Comments {
  private var leading: [[Int]: String] = [:]

  init(_ sourceCodeInfo: WireMessage) throws {
    for location in try sourceCodeInfo.messages(1) where !location.payloads(3).isEmpty {
      leading[location.numbers(1).map { Int($0) }] = location.string(3)
    }
  }

  /// The comment as Swift documentation, indented.
  func documentation(_ path: [Int], indent: String) -> String {
    guard let text = leading[path] else { return "" }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix(" ") ? line.dropFirst() : line
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { $0.isEmpty ? "\(indent)///\n" : "\(indent)/// \($0)\n" }.joined()
  }
}

struct ProtoMessage {
  let name: String
  /// With a leading dot.
  let fullName: String
  let fields: [ProtoField]
  /// Name, and whether a member must be set.
  let oneofs: [(name: String, mustBeSet: Bool)]
  let nested: [ProtoMessage]
  let enums: [ProtoEnum]
  let isMapEntry: Bool
  let documentation: (_ indent: String) -> String

  init(_ wire: WireMessage, _ scope: String, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    let fullName = "\(scope).\(wire.string(1))"
    self.fullName = fullName
    fields = try wire.messages(2).enumerated().map { try ProtoField($1, comments, path + [2, $0]) }
    nested = try wire.messages(3).enumerated().map { try ProtoMessage($1, fullName, comments, path + [3, $0]) }
    enums = try wire.messages(4).enumerated().map { try ProtoEnum($1, fullName, comments, path + [4, $0]) }
    oneofs = try wire.messages(8).map { ($0.string(1), try $0.message(2).number(50_001) == 1) }
    isMapEntry = try wire.message(7).number(7) == 1
    documentation = { comments.documentation(path, indent: $0) }
  }
}

struct ProtoField {
  let name: String
  let number: UInt32
  let isRepeated: Bool
  /// `FieldDescriptorProto.Type`.
  let type: UInt64
  let typeName: String
  let oneofIndex: Int?
  let rules: String?
  /// Its own rules are checked later, not with the request.
  let isJudgedApart: Bool
  let documentation: (_ indent: String) -> String

  static let groupType: UInt64 = 10
  static let messageType: UInt64 = 11
  static let enumType: UInt64 = 14

  init(_ wire: WireMessage, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    number = UInt32(truncatingIfNeeded: wire.number(3) ?? 0)
    isRepeated = wire.number(4) == 3
    type = wire.number(5) ?? 0
    typeName = wire.string(6)
    oneofIndex = wire.number(9).map { Int($0) }
    let rules = try wire.message(8).messages(50_001).last
    self.rules = try Self.rules(rules)
    isJudgedApart = rules?.number(10) == 1
    documentation = { comments.documentation(path, indent: $0) }
  }

  /// The Swift expression of `streak.v1.FieldRules`.
  private static func rules(_ wire: WireMessage?) throws -> String? {
    guard let wire else { return nil }
    func signed(_ number: UInt32) -> Int64 {
      let value = wire.number(number) ?? 0
      return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
    var arguments: [String] = []
    if wire.number(1) == 1 { arguments.append("required: true") }
    if wire.number(2) == 1 { arguments.append("uuid: true") }
    if let value = wire.number(3) { arguments.append("minBytes: \(value)") }
    if let value = wire.number(4) { arguments.append("maxBytes: \(value)") }
    if let value = wire.number(5) { arguments.append("maxItems: \(value)") }
    if wire.number(6) == 1 {
      guard signed(7) <= signed(8) else { throw GeneratorError("a range ends before it begins") }
      arguments.append("range: \(signed(7))...\(signed(8))")
    }
    if wire.number(9) == 1 { arguments.append("definedOnly: true") }
    return arguments.isEmpty ? nil : "FieldRules(\(arguments.joined(separator: ", ")))"
  }
}

struct ProtoEnum {
  let name: String
  let fullName: String
  let values: [(name: String, number: Int32, documentation: String)]
  let documentation: (_ indent: String) -> String

  init(_ wire: WireMessage, _ scope: String, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    fullName = "\(scope).\(name)"
    values = try wire.messages(2).enumerated().map { index, value in
      (
        value.string(1), Int32(truncatingIfNeeded: Int64(bitPattern: value.number(2) ?? 0)),
        comments.documentation(path + [2, index], indent: "  ")
      )
    }
    documentation = { comments.documentation(path, indent: $0) }
  }
}

struct ProtoService {
  let name: String
  let fullName: String
  let methods: [ProtoMethod]
  let documentation: (_ indent: String) -> String

  init(_ wire: WireMessage, _ scope: String, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    fullName = "\(scope).\(name)"
    methods = try wire.messages(2).enumerated().map { try ProtoMethod($1, comments, path + [2, $0]) }
    documentation = { comments.documentation(path, indent: $0) }
  }
}

struct ProtoMethod {
  let name: String
  let input: String
  let output: String
  let clientStreams: Bool
  let serverStreams: Bool
  /// `streak.v1.MethodPolicy`; nil when the method states none.
  let policy: WireMessage?
  /// `idempotency_level = NO_SIDE_EFFECTS`.
  let hasNoSideEffects: Bool
  let documentation: (_ indent: String) -> String

  init(_ wire: WireMessage, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    input = wire.string(2)
    output = wire.string(3)
    clientStreams = wire.number(5) == 1
    serverStreams = wire.number(6) == 1
    policy = try wire.message(4).messages(50_001).last
    hasNoSideEffects = try wire.message(4).number(34) == 1
    documentation = { comments.documentation(path, indent: $0) }
  }
}

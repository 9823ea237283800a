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
  /// The methods of its services must state a policy.
  var statesPolicies: Bool { dependencies.contains("streak/v1/annotations.proto") }

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
    oneofs = try wire.messages(8).map { ($0.string(1), try $0.message(2).message(1159).number(1) == 1) }
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
  /// The rules inside its messages are checked later, not with the request.
  let isJudgedApart: Bool
  let documentation: (_ indent: String) -> String

  static let messageType: UInt64 = 11
  static let enumType: UInt64 = 14

  init(_ wire: WireMessage, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    number = UInt32(truncatingIfNeeded: wire.number(3) ?? 0)
    isRepeated = wire.number(4) == 3
    type = wire.number(5) ?? 0
    typeName = wire.string(6)
    oneofIndex = wire.number(9).map { Int($0) }
    let rules = try FieldOptions(wire.message(8))
    self.rules = rules.expression
    isJudgedApart = rules.isJudgedApart
    documentation = { comments.documentation(path, indent: $0) }
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
  /// `IdempotencyLevel`.
  let idempotencyLevel: UInt64
  let documentation: (_ indent: String) -> String

  init(_ wire: WireMessage, _ comments: Comments, _ path: [Int]) throws {
    name = wire.string(1)
    input = wire.string(2)
    output = wire.string(3)
    clientStreams = wire.number(5) == 1
    serverStreams = wire.number(6) == 1
    policy = try wire.message(4).messages(50_001).last
    idempotencyLevel = try wire.message(4).number(34) ?? 0
    documentation = { comments.documentation(path, indent: $0) }
  }
}

/// Generates enums and messages.
struct MessageGenerator {
  let names: Names

  func enumeration(_ schema: ProtoEnum, indent: String) throws -> String {
    let name = indent.isEmpty ? names.swiftType(schema.fullName) : schema.name
    var text = schema.documentation("")
    text += "public struct \(name): RawRepresentable, Hashable, Sendable, CustomStringConvertible {\n"
    text += "  public var rawValue: Int32\n"
    text += "  public init(rawValue: Int32) { self.rawValue = rawValue }\n\n"
    for value in schema.values {
      text += value.documentation
      text +=
        "  public static let \(Names.enumCase(value.name, of: schema.name)) = \(name)(rawValue: \(value.number))\n"
    }
    text += "\n  /// The schema's name of the value; nil for a value the schema does not have.\n"
    text += "  public var schemaName: String? {\n    switch rawValue {\n"
    for value in schema.values { text += "    case \(value.number): \"\(value.name)\"\n" }
    text += "    default: nil\n    }\n  }\n\n"
    text += "  public var description: String { schemaName ?? \"\\(rawValue)\" }\n}\n"
    return text.indented(indent)
  }

  func message(_ schema: ProtoMessage, indent: String) throws -> String {
    let name = indent.isEmpty ? names.swiftType(schema.fullName) : schema.name
    let fields = try schema.fields.map { try FieldGenerator($0, in: schema, names) }
    let oneofs = schema.oneofs.indices.map { index in
      OneofGenerator(
        name: schema.oneofs[index].name, mustBeSet: schema.oneofs[index].mustBeSet,
        members: fields.filter { $0.schema.oneofIndex == index }, cOwner: schema.fullName)
    }
    let plain = fields.filter { $0.schema.oneofIndex == nil }
    var text = schema.documentation("")
    text += "public struct \(name): ProtobufMessage {\n"
    for field in plain { text += field.declaration }
    for oneof in oneofs { text += oneof.declaration }
    text += "\n  public init() {}\n"
    let parameters = plain.map(\.parameter) + oneofs.map(\.parameter)
    let assignments = plain.map(\.assignment) + oneofs.map(\.assignment)
    if !parameters.isEmpty {
      text += "\n  public init(\(parameters.joined(separator: ", "))) {\n\(assignments.joined())  }\n"
    }
    text += descriptor(schema, fields)
    text += decoding(schema, plain, oneofs)
    text += encoding(schema, plain, oneofs)
    text += violations(fields, oneofs)
    for nested in schema.enums { text += "\n" + (try enumeration(nested, indent: "  ")) }
    for nested in schema.nested where !nested.isMapEntry { text += "\n" + (try message(nested, indent: "  ")) }
    text += "}\n"
    return text.indented(indent)
  }

  private func descriptor(_ schema: ProtoMessage, _ fields: [FieldGenerator]) -> String {
    var arguments = [
      "CBridge.table(of: \(Names.cType(schema.fullName)).self, \(Names.cFunction(schema.fullName))__init)"
    ]
    let maps = fields.filter(\.isMap).map { "\($0.schema.number)" }
    if !maps.isEmpty { arguments.append("maps: [\(maps.joined(separator: ", "))]") }
    let rules = fields.compactMap { field in field.schema.rules.map { "\(field.schema.number): \($0)" } }
    if !rules.isEmpty { arguments.append("rules: [\(rules.joined(separator: ", "))]") }
    let children = fields.filter { $0.schema.type == ProtoField.messageType }.map { field in
      field.isMap
        ? "\(field.schema.number): MessageDescriptor(CBridge.table(of: \(Names.cType(field.schema.typeName)).self, \(Names.cFunction(field.schema.typeName))__init))"
        : "\(field.schema.number): \(field.elementType).descriptor"
    }
    if !children.isEmpty { arguments.append("children: [\(children.joined(separator: ", "))]") }
    return
      "\n  public static let descriptor = unsafe MessageDescriptor(\n    \(arguments.joined(separator: ",\n    ")))\n"
  }

  private func decoding(_ schema: ProtoMessage, _ fields: [FieldGenerator], _ oneofs: [OneofGenerator]) -> String {
    let body = fields.map(\.decoding).joined() + oneofs.map(\.decoding).joined()
    let binding =
      body.isEmpty
      ? ""
      : "    let c = unsafe cMessage.assumingMemoryBound(to: \(Names.cType(schema.fullName)).self)\n"
    return "\n  @unsafe public init(cMessage: UnsafeRawPointer) {\n\(binding)\(body)  }\n"
  }

  private func encoding(_ schema: ProtoMessage, _ fields: [FieldGenerator], _ oneofs: [OneofGenerator]) -> String {
    "\n  @unsafe public func cMessage(in arena: inout Arena) -> UnsafeMutableRawPointer? {\n"
      + "    guard let c = unsafe arena.make(\(Names.cType(schema.fullName)).self) else { return nil }\n"
      + "    unsafe \(Names.cFunction(schema.fullName))__init(c)\n"
      + fields.map(\.encoding).joined() + oneofs.map(\.encoding).joined()
      + "    return UnsafeMutableRawPointer(c)\n  }\n"
  }

  private func violations(_ fields: [FieldGenerator], _ oneofs: [OneofGenerator]) -> String {
    let body =
      fields.filter { $0.schema.oneofIndex == nil }.map { $0.violations(of: $0.name) }.joined()
      + oneofs.map(\.violations).joined()
    return "\n  public func collectViolations(_ violations: inout FieldViolations) {\n\(body)  }\n"
  }
}

extension String {
  /// The text with every non-empty line indented.
  func indented(_ indent: String) -> String {
    guard !indent.isEmpty else { return self }
    return split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : indent + $0 }.joined(separator: "\n")
  }
}

/// The parts of the generated code that belong to one field.
struct FieldGenerator {
  let schema: ProtoField
  let name: String
  let cName: String
  /// The Swift type of one value.
  let elementType: String
  let isMap: Bool
  private let isMessage: Bool
  private let isEnum: Bool

  init(_ schema: ProtoField, in message: ProtoMessage, _ names: Names) throws {
    self.schema = schema
    name = Names.lowerCamel(schema.name)
    cName = Names.escaped(schema.name)
    isMap = names.mapEntries[schema.typeName] != nil
    isMessage = schema.type == ProtoField.messageType
    isEnum = schema.type == ProtoField.enumType
    elementType =
      try isMessage || isEnum
      ? names.swiftType(schema.typeName) : Self.scalarType(schema.type, "\(message.fullName).\(schema.name)")
    // protobuf-c takes -0.0 for 0.0 and leaves it out of a field without presence: the sign would
    // be lost silently.
    if ["Float", "Double"].contains(elementType), !schema.isRepeated, schema.oneofIndex == nil {
      throw GeneratorError("\(message.fullName).\(schema.name): a single float or double must be in a oneof")
    }
    if let entry = names.mapEntries[schema.typeName], entry.fields.contains(where: { $0.type != 9 }) {
      throw GeneratorError("\(message.fullName).\(schema.name): only map<string, string> is supported")
    }
  }

  private static func scalarType(_ type: UInt64, _ place: String) throws -> String {
    switch type {
    case 1: "Double"
    case 2: "Float"
    case 3, 16, 18: "Int64"
    case 4, 6: "UInt64"
    case 5, 15, 17: "Int32"
    case 7, 13: "UInt32"
    case 8: "Bool"
    case 9: "String"
    case 12: "[UInt8]"
    default: throw GeneratorError("\(place.dropFirst()): field type \(type) is not supported")
    }
  }

  /// The mark that strict memory safety requires before the conversion of one value.
  private var mark: String { isMessage || elementType == "String" || elementType == "[UInt8]" ? "unsafe " : "" }

  private var swiftType: String {
    if isMap { return "[String: String]" }
    if schema.isRepeated { return "[\(elementType)]" }
    return isMessage ? "\(elementType)?" : elementType
  }

  private var defaultValue: String {
    if isMap { return "[:]" }
    if schema.isRepeated || elementType == "[UInt8]" { return "[]" }
    if isMessage { return "nil" }
    if isEnum { return "\(elementType)(rawValue: 0)" }
    switch elementType {
    case "Bool": return "false"
    case "String": return "\"\""
    default: return "0"
    }
  }

  var declaration: String { schema.documentation("  ") + "  public var \(name): \(swiftType) = \(defaultValue)\n" }
  var parameter: String { "\(name): \(swiftType) = \(defaultValue)" }
  var assignment: String { "    self.\(name) = \(name)\n" }

  // MARK: C to Swift

  /// An expression that converts a C value to Swift.
  func fromC(_ value: String) -> String {
    if isEnum { return "\(elementType)(rawValue: Int32(truncatingIfNeeded: \(value).rawValue))" }
    switch elementType {
    case "Bool": return "\(value) != 0"
    case "String": return "CBridge.string(\(value))"
    case "[UInt8]": return "CBridge.bytes(\(value))"
    default: return isMessage ? "CBridge.message(\(value), \(elementType).self)" : value
    }
  }

  var decoding: String {
    if isMap {
      return """
            unsafe \(name) = Dictionary(
              UnsafeBufferPointer(start: c.pointee.\(cName), count: c.pointee.n_\(schema.name)).compactMap { entry in
                unsafe entry.map { entry in unsafe (CBridge.string(entry.pointee.key), CBridge.string(entry.pointee.value)) }
              }, uniquingKeysWith: { $1 })

        """
    }
    if schema.isRepeated {
      let source = "c.pointee.\(cName), c.pointee.n_\(schema.name)"
      return isMessage
        ? "    unsafe \(name) = CBridge.messages(\(source), \(elementType).self)\n"
        : "    unsafe \(name) = CBridge.array(\(source)) { \(mark)\(fromC("$0")) }\n"
    }
    return "    unsafe \(name) = \(fromC("c.pointee.\(cName)"))\n"
  }

  // MARK: Swift to C

  /// An expression that converts a Swift value to C.
  func toC(_ value: String, arena: String, cType: String) -> String {
    if isEnum { return "\(cType)(rawValue: .init(truncatingIfNeeded: \(value).rawValue))" }
    switch elementType {
    case "Bool": return "\(value) ? 1 : 0"
    case "String": return "\(arena).cString(\(value))"
    case "[UInt8]": return "\(arena).binaryData(\(value))"
    default: return isMessage ? "\(arena).message(\(value), as: \(cType).self)" : value
    }
  }

  var cType: String { isMessage || isEnum ? Names.cType(schema.typeName) : "" }

  var encoding: String {
    if isMap {
      let entry = Names.cType(schema.typeName)
      return """
            unsafe c.pointee.n_\(schema.name) = \(name).count
            unsafe c.pointee.\(cName) = arena.array(\(name).sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) { pair, arena in
              guard let entry = unsafe arena.make(\(entry).self) else { return nil }
              unsafe \(Names.cFunction(schema.typeName))__init(entry)
              unsafe entry.pointee.key = arena.cString(pair.key)
              unsafe entry.pointee.value = arena.cString(pair.value)
              return unsafe entry
            }

        """
    }
    if schema.isRepeated {
      return """
            unsafe c.pointee.n_\(schema.name) = \(name).count
            unsafe c.pointee.\(cName) = arena.array(\(name)) { item, arena in \(mark)\(toC("item", arena: "arena", cType: cType)) }

        """
    }
    return "    unsafe c.pointee.\(cName) = \(toC(name, arena: "arena", cType: cType))\n"
  }

  // MARK: Rules

  /// Code that checks `value`, the field's value.
  func violations(of value: String) -> String {
    var text = ""
    if let rules = schema.rules {
      if schema.isRepeated {
        text += "    violations.check(\"\(schema.name)\", itemCount: \(value).count, \(rules))\n"
        if isEnum {
          text +=
            "    for item in \(value) { violations.check(\"\(schema.name)\", value: item.rawValue, isDefined: item.schemaName != nil, \(rules)) }\n"
        } else if !isMessage, elementType == "String" || elementType == "[UInt8]" {
          let count = elementType == "String" ? "item.utf8.count" : "item.count"
          text += "    for item in \(value) { violations.check(\"\(schema.name)\", byteCount: \(count), \(rules)) }\n"
        }
      } else if isMessage {
        if schema.oneofIndex == nil {
          text += "    violations.check(\"\(schema.name)\", isPresent: \(value) != nil, \(rules))\n"
        }
      } else if isEnum {
        text +=
          "    violations.check(\"\(schema.name)\", value: \(value).rawValue, isDefined: \(value).schemaName != nil, \(rules))\n"
      } else if elementType == "String" {
        text += "    violations.check(\"\(schema.name)\", byteCount: \(value).utf8.count, \(rules))\n"
      } else if elementType == "[UInt8]" {
        text += "    violations.check(\"\(schema.name)\", byteCount: \(value).count, \(rules))\n"
      } else {
        text += "    violations.check(\"\(schema.name)\", number: Int64(clamping: \(value)), \(rules))\n"
      }
    }
    if isMessage && !isMap && !schema.isJudgedApart {
      text += "    violations.check(\"\(schema.name)\", \(schema.isRepeated ? "inEach" : "in"): \(value))\n"
    }
    return text
  }
}

/// The parts of the generated code that belong to one oneof.
struct OneofGenerator {
  let name: String
  let mustBeSet: Bool
  let members: [FieldGenerator]
  let cOwner: String

  private var property: String { Names.lowerCamel(name) }
  private var type: String { Names.upperCamel(name) }

  var declaration: String {
    var text = "  public var \(property): \(type)?\n\n  public enum \(type): Sendable, Equatable {\n"
    for member in members {
      text += member.schema.documentation("    ") + "    case \(member.name)(\(member.elementType))\n"
    }
    return text + "  }\n"
  }

  var parameter: String { "\(property): \(type)? = nil" }
  var assignment: String { "    self.\(property) = \(property)\n" }

  var decoding: String {
    var text = "    switch unsafe c.pointee.\(name)_case.rawValue {\n"
    for member in members {
      let value = member.fromC("c.pointee.\(member.cName)")
      // protobuf-c has set a message member's pointer together with the case.
      text +=
        member.schema.type == ProtoField.messageType
        ? "    case \(member.schema.number): unsafe \(property) = \(value).map { .\(member.name)($0) }\n"
        : "    case \(member.schema.number): unsafe \(property) = .\(member.name)(\(value))\n"
    }
    return text + "    default: \(property) = nil\n    }\n"
  }

  var encoding: String {
    let cCase = "\(Names.cType(cOwner))__\(type)Case"
    var text = "    switch \(property) {\n    case nil: break\n"
    for member in members {
      text += "    case .\(member.name)(let value):\n"
      text += "      unsafe c.pointee.\(name)_case = \(cCase)(rawValue: \(member.schema.number))\n"
      text += "      unsafe c.pointee.\(member.cName) = \(member.toC("value", arena: "arena", cType: member.cType))\n"
    }
    return text + "    }\n"
  }

  var violations: String {
    let checks = members.map { member in (member, member.violations(of: "value")) }
    guard mustBeSet || checks.contains(where: { !$0.1.isEmpty }) else { return "" }
    let absent = mustBeSet ? "violations.check(\"\(name)\", isPresent: false, FieldRules(required: true))" : "break"
    var text = "    switch \(property) {\n    case nil: \(absent)\n"
    for (member, check) in checks {
      text +=
        check.isEmpty
        ? "    case .\(member.name): break\n" : "    case .\(member.name)(let value):\n" + check.indented("  ")
    }
    return text + "    }\n"
  }
}

public import CProtobufC

/// The type of a field's values. Source: Protocol Buffers, "Language Guide (proto 3)", Scalar Value
/// Types.
public enum FieldType: UInt8, Sendable {
  case int32, sint32, sfixed32, int64, sint64, sfixed64
  case uint32, fixed32, uint64, fixed64
  case float, double, bool, enumeration, string, bytes, message

  /// The wire type of one value.
  var wireType: WireType {
    switch self {
    case .int32, .sint32, .int64, .sint64, .uint32, .uint64, .bool, .enumeration: .varint
    case .sfixed32, .fixed32, .float: .fixed32
    case .sfixed64, .fixed64, .double: .fixed64
    case .string, .bytes, .message: .lengthDelimited
    }
  }

  /// Whether a list of this type may be packed into one field.
  var isPackable: Bool { wireType != .lengthDelimited }
}

/// The names of an enum's values.
public struct EnumDescriptor: Sendable {
  /// For example `example.v1.Colour`.
  public let fullName: String
  /// Name and number of each value.
  public let values: [(name: String, number: Int32)]
  /// The names' bytes, at the same indexes as `values`.
  let nameBytes: [[UInt8]]

  /// The name of `number`; nil if the schema has none.
  public func name(of number: Int32) -> String? { values.first { $0.number == number }?.name }
  func nameBytes(of number: Int32) -> [UInt8]? {
    // Most enums number their values from 0 on.
    if let place = Int(exactly: number), values.indices.contains(place), values[place].number == number {
      return nameBytes[place]
    }
    return values.firstIndex { $0.number == number }.map { nameBytes[$0] }
  }
  /// The number of `name`; nil if the schema has none.
  public func number(of name: String) -> Int32? { values.first { $0.name == name }?.number }
}

/// The schema's description of one field.
public struct FieldDescriptor: Sendable {
  public let number: UInt32
  /// The name in the schema, such as `user_id`.
  public let name: String
  /// The name in JSON, such as `userId`.
  public let jsonName: String
  public let type: FieldType
  public let isRepeated: Bool
  /// A `map<,>`: repeated entries with key 1 and value 2.
  public let isMap: Bool
  /// Whether absent differs from the default: true for a message and for a member of a oneof.
  public let hasPresence: Bool
  /// The index of its oneof in the message; nil for none.
  public let oneof: Int?
  public let enumeration: EnumDescriptor?
  /// The rules for its value.
  public let rules: FieldRules?
}

/// The schema's description of one message, read from protobuf-c's tables and completed by the
/// generator.
@safe public final class MessageDescriptor: Sendable {
  /// For example `example.v1.AddNoteRequest`.
  public let fullName: String
  /// By ascending number.
  public let fields: [FieldDescriptor]
  /// The descriptors of message fields, at the same indexes as `fields`.
  let children: [MessageDescriptor?]
  /// The parts of `fields` that the validator needs, at the same indexes.
  let validatedFields: [ValidatedField]
  /// The parts of `fields` that JSON needs, at the same indexes.
  let jsonFields: [JSONField]
  /// The message's own JSON form; nil: an object of its fields.
  let wellKnown: WellKnownMessage?
  /// Whether the schema limits the items of a list in it, or in a message inside it.
  let countsItems: Bool
  /// The index in `fields` by field number, for numbers below its count; -1 for none.
  private let indexByNumber: [Int16]
  nonisolated(unsafe) let table: UnsafePointer<ProtobufCMessageDescriptor>
  // Safe from any thread: the pointer leads to constant tables of the generated C code, which live
  // as long as the process.

  /// Field numbers up to this are looked up directly; higher ones by binary search.
  private static let directNumbersMax: UInt32 = 256

  /// Completes protobuf-c's table of a message.
  /// - Parameters:
  ///   - table: The generated table.
  ///   - maps: Numbers of the fields that are maps.
  ///   - rules: By field number.
  ///   - children: The descriptors of message fields, by field number.
  public init(
    _ table: UnsafePointer<ProtobufCMessageDescriptor>, maps: Set<UInt32> = [], rules: [UInt32: FieldRules] = [:],
    children: [UInt32: MessageDescriptor] = [:]
  ) {
    unsafe self.table = table
    fullName = unsafe String(cString: table.pointee.name)
    var oneofs: [UInt32: Int] = [:]
    var fields: [FieldDescriptor] = []
    for index in 0..<Int(unsafe table.pointee.n_fields) {
      let field = unsafe table.pointee.fields[index]
      var oneof: Int?
      if unsafe field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0 {
        // Members of one oneof share the offset of its case.
        let key = unsafe field.quantifier_offset
        oneof = oneofs[key] ?? oneofs.count
        oneofs[key] = oneof
      }
      let type = unsafe FieldType(field.type)
      let name = unsafe String(cString: field.name)
      let number = unsafe field.id
      unsafe fields.append(
        FieldDescriptor(
          number: number, name: name, jsonName: Self.jsonName(name), type: type,
          isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED, isMap: maps.contains(number),
          hasPresence: type == .message || oneof != nil, oneof: oneof,
          enumeration: type == .enumeration
            ? EnumDescriptor(field.descriptor.assumingMemoryBound(to: ProtobufCEnumDescriptor.self)) : nil,
          rules: rules[number]))
    }
    fields.sort { $0.number < $1.number }
    self.fields = fields
    validatedFields = fields.indices.map { ValidatedField($0, of: fields) }
    jsonFields = fields.map(JSONField.init)
    wellKnown = WellKnownMessage(fullName)
    self.children = fields.map { $0.type == .message ? children[$0.number] : nil }
    countsItems =
      fields.contains { $0.rules.map { $0.maxItems > 0 } ?? false }
      || self.children.contains { $0?.countsItems ?? false }
    let directCount = fields.last { $0.number < Self.directNumbersMax }.map { Int($0.number) + 1 } ?? 0
    var indexByNumber = [Int16](repeating: -1, count: directCount)
    for (index, field) in fields.enumerated() where field.number < Self.directNumbersMax {
      indexByNumber[Int(field.number)] = Int16(index)
    }
    self.indexByNumber = indexByNumber
  }

  /// The index in `fields` of a field number; nil if the schema has none.
  @inline(__always)
  func index(of number: UInt32) -> Int? {
    if Int(number) < indexByNumber.count {
      let index = Int(indexByNumber[Int(number)])
      return index >= 0 ? index : nil
    }
    guard number >= Self.directNumbersMax else { return nil }
    return fields.firstIndex { $0.number == number }
  }

  /// The descriptor of the message that a field holds; nil if it holds none.
  public func message(of field: FieldDescriptor) -> MessageDescriptor? {
    index(of: field.number).flatMap { children[$0] }
  }

  /// protoc's lowerCamelCase: each underscore is removed, and the letter after it becomes a
  /// capital.
  static func jsonName(_ name: String) -> String {
    var result = ""
    var capitalise = false
    for character in name {
      if character == "_" {
        capitalise = true
      } else {
        result += capitalise ? character.uppercased() : String(character)
        capitalise = false
      }
    }
    return result
  }
}

extension FieldType {
  init(_ type: ProtobufCType) {
    self =
      switch type {
      case PROTOBUF_C_TYPE_INT32: .int32
      case PROTOBUF_C_TYPE_SINT32: .sint32
      case PROTOBUF_C_TYPE_SFIXED32: .sfixed32
      case PROTOBUF_C_TYPE_INT64: .int64
      case PROTOBUF_C_TYPE_SINT64: .sint64
      case PROTOBUF_C_TYPE_SFIXED64: .sfixed64
      case PROTOBUF_C_TYPE_UINT32: .uint32
      case PROTOBUF_C_TYPE_FIXED32: .fixed32
      case PROTOBUF_C_TYPE_UINT64: .uint64
      case PROTOBUF_C_TYPE_FIXED64: .fixed64
      case PROTOBUF_C_TYPE_FLOAT: .float
      case PROTOBUF_C_TYPE_DOUBLE: .double
      case PROTOBUF_C_TYPE_BOOL: .bool
      case PROTOBUF_C_TYPE_ENUM: .enumeration
      case PROTOBUF_C_TYPE_STRING: .string
      case PROTOBUF_C_TYPE_BYTES: .bytes
      case PROTOBUF_C_TYPE_MESSAGE: .message
      default: preconditionFailure("protobuf-c has no field type \(type.rawValue)")
      }
  }
}

extension EnumDescriptor {
  init(_ table: UnsafePointer<ProtobufCEnumDescriptor>) {
    fullName = unsafe String(cString: table.pointee.name)
    values = (0..<Int(unsafe table.pointee.n_values)).map { index in
      let value = unsafe table.pointee.values[index]
      return unsafe (String(cString: value.name), value.value)
    }
    nameBytes = values.map { Array($0.name.utf8) }
  }
}

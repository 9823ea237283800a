internal import ProtobufCodec

/// One value of a field; the schema has the field's type.
enum DynamicValue: Sendable, Hashable {
  /// A number, Boolean or enum; the bits of a float or an unsigned number.
  case number(Int64)
  /// A string or bytes.
  case bytes([UInt8])
  case message(DynamicMessage)
}

/// A message as a tree of values, described by a schema.
struct DynamicMessage: Sendable, Hashable {
  /// Its full name in the schema.
  let type: String
  /// The values of the fields that are set, by field number. A singular field has one.
  var fields: [UInt32: [DynamicValue]] = [:]

  init(_ type: String) { self.type = type }

  /// Reads the fields that the schema knows; others are dropped.
  init(_ type: String, _ wire: WireMessage, _ schema: ServiceSchema) throws {
    self.type = type
    for field in schema.message(type).fields {
      var values: [DynamicValue]
      switch field.type {
      case .message:
        values = try wire.messages(field.number).map { .message(try DynamicMessage(field.typeName, $0, schema)) }
        if !field.isRepeated, values.count > 1 {
          values = [.message(try DynamicMessage(field.typeName, wire.message(field.number), schema))]
        }
      case .string, .bytes: values = wire.payloads(field.number).map { .bytes($0) }
      case .fixed32, .sfixed32, .float: values = wire.values(field.number, width: 4).map { .number(field.signed($0)) }
      case .fixed64, .sfixed64, .double: values = wire.values(field.number, width: 8).map { .number(field.signed($0)) }
      default: values = wire.numbers(field.number).map { .number(field.signed($0)) }
      }
      if !field.isRepeated { values = values.suffix(1) }
      if !values.isEmpty { fields[field.number] = values }
    }
  }

  init(_ type: String, bytes: [UInt8], _ schema: ServiceSchema) throws {
    try self.init(type, WireMessage(bytes), schema)
  }

  subscript(_ field: FieldSchema) -> DynamicValue? {
    get { fields[field.number]?.first }
    set { fields[field.number] = newValue.map { [$0] } }
  }

  func messages(_ field: FieldSchema) -> [DynamicMessage] {
    (fields[field.number] ?? []).compactMap { if case .message(let message) = $0 { message } else { nil } }
  }

  func number(_ name: String, _ schema: ServiceSchema) -> Int64 {
    guard let field = schema.message(type).field(named: name), case .number(let value) = self[field] else { return 0 }
    return value
  }

  func bytes(_ name: String, _ schema: ServiceSchema) -> [UInt8] {
    guard let field = schema.message(type).field(named: name), case .bytes(let value) = self[field] else { return [] }
    return value
  }

  func message(_ name: String, _ schema: ServiceSchema) -> DynamicMessage? {
    guard let field = schema.message(type).field(named: name) else { return nil }
    return messages(field).first
  }

  func messages(_ name: String, _ schema: ServiceSchema) -> [DynamicMessage] {
    schema.message(type).field(named: name).map { messages($0) } ?? []
  }

  // MARK: Encoding

  /// The encoded message: fields in ascending order, lists not packed, fields that are set are
  /// written even with the default value.
  func protobuf(_ schema: ServiceSchema) -> [UInt8] {
    var output: [UInt8] = []
    let message = schema.message(type)
    for (number, values) in fields.sorted(by: { $0.key < $1.key }) {
      guard let field = message.field(number) else { continue }
      for value in values {
        switch value {
        case .number(let number): output.append(field, number)
        case .bytes(let bytes): output.append(field.number, payload: bytes)
        case .message(let message): output.append(field.number, payload: message.protobuf(schema))
        }
      }
    }
    return output
  }
}

extension FieldSchema {
  /// Converts the bits on the wire to the value.
  func signed(_ bits: UInt64) -> Int64 {
    switch type {
    case .sint32, .sint64: Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
    case .int32, .enumeration, .sfixed32: Int64(Int32(truncatingIfNeeded: bits))
    default: Int64(bitPattern: bits)
    }
  }
}

extension [UInt8] {
  mutating func appendNumber(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(truncatingIfNeeded: value))
  }

  mutating func append(_ number: UInt32, payload: [UInt8]) {
    appendNumber(UInt64(number) << 3 | 2)
    appendNumber(UInt64(payload.count))
    append(contentsOf: payload)
  }

  mutating func append(_ field: FieldSchema, _ value: Int64) {
    switch field.type {
    case .fixed32, .sfixed32, .float:
      appendNumber(UInt64(field.number) << 3 | 5)
      for shift in 0..<4 { append(UInt8(truncatingIfNeeded: value >> Int64(shift * 8))) }
    case .fixed64, .sfixed64, .double:
      appendNumber(UInt64(field.number) << 3 | 1)
      for shift in 0..<8 { append(UInt8(truncatingIfNeeded: value >> Int64(shift * 8))) }
    case .sint32, .sint64:
      appendNumber(UInt64(field.number) << 3)
      appendNumber(UInt64(bitPattern: value << 1 ^ value >> 63))
    default:
      appendNumber(UInt64(field.number) << 3)
      appendNumber(UInt64(bitPattern: value))
    }
  }

  /// As unpadded base64url. Source: RFC 4648, section 5.
  var base64URL: String {
    String(Base64.encode(self, padding: false).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
  }

  var hexadecimal: String {
    map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }
}

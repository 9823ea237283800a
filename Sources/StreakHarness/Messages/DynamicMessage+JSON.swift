internal import ProtobufCodec

/// Proto3 JSON of dynamic messages, for reports and scenario files. Timestamps are written as
/// messages of `seconds` and `nanos`.
extension DynamicMessage {
  func json(_ schema: ServiceSchema) -> JSONValue {
    let message = schema.message(type)
    return .object(
      message.fields.compactMap { field in
        guard let values = fields[field.number], let first = values.first else { return nil }
        let value: JSONValue =
          field.isRepeated
          ? .array(values.map { Self.json($0, field, schema) }) : Self.json(first, field, schema)
        return JSONValue.Member(name: field.jsonName, value: value)
      })
  }

  private static func json(_ value: DynamicValue, _ field: FieldSchema, _ schema: ServiceSchema) -> JSONValue {
    switch value {
    case .message(let message): message.json(schema)
    case .bytes(let bytes):
      .string(field.type == .string ? String(decoding: bytes, as: UTF8.self) : Base64.encode(bytes, padding: true))
    case .number(let number):
      switch field.type {
      case .bool: .bool(number != 0)
      case .enumeration:
        schema.enums[field.typeName]?[number].map { .string($0) } ?? .number("\(number)")
      case .int64, .sint64, .sfixed64: .string("\(number)")
      case .uint64, .fixed64: .string("\(UInt64(bitPattern: number))")
      default: .number("\(number)")
      }
    }
  }

  /// Reads JSON; members that the schema does not have are refused.
  init(_ type: String, json: JSONValue, _ schema: ServiceSchema) throws {
    self.init(type)
    guard case .object(let members) = json else { throw SchemaError(description: "\(type): expected an object") }
    for member in members {
      guard let field = schema.message(type).field(named: member.name) else {
        throw SchemaError(description: "\(type) has no field \(member.name)")
      }
      switch member.value {
      case .null: continue
      case .array(let items) where field.isRepeated:
        fields[field.number] = try items.map { try Self.value($0, field, schema) }
      default: fields[field.number] = [try Self.value(member.value, field, schema)]
      }
    }
  }

  private static func value(_ json: JSONValue, _ field: FieldSchema, _ schema: ServiceSchema) throws -> DynamicValue {
    switch (field.type, json) {
    case (.message, _): return .message(try DynamicMessage(field.typeName, json: json, schema))
    case (.string, .string(let text)): return .bytes(Array(text.utf8))
    case (.bytes, .string(let text)): if let bytes = Base64.decode(text) { return .bytes(bytes) }
    case (.bool, .bool(let value)): return .number(value ? 1 : 0)
    case (.enumeration, .string(let name)):
      if let number = schema.enums[field.typeName]?.first(where: { $0.value == name })?.key { return .number(number) }
    case (_, .string(let text)), (_, .number(let text)):
      if let number = Int64(text) { return .number(number) }
      if let number = UInt64(text) { return .number(Int64(bitPattern: number)) }
    default: break
    }
    throw SchemaError(description: "\(field.name) cannot be \(json.text)")
  }

  /// The differences to `expected`, as paths; a list must have the same number of items. Fields
  /// that `expected` does not set are ignored.
  func differences(from expected: JSONValue, _ schema: ServiceSchema, path: String = "") -> [String] {
    guard case .object(let members) = expected else { return ["\(path): expected an object"] }
    var found: [String] = []
    for member in members {
      let place = path.isEmpty ? member.name : "\(path).\(member.name)"
      guard let field = schema.message(type).field(named: member.name) else {
        found.append("\(place): \(type) has no such field")
        continue
      }
      let values = fields[field.number] ?? []
      if case .array(let items) = member.value, field.isRepeated {
        guard items.count == values.count else {
          found.append("\(place): \(values.count) items, expected \(items.count)")
          continue
        }
        for (index, (value, item)) in zip(values, items).enumerated() {
          found += Self.differences(value, item, field, schema, "\(place)[\(index)]")
        }
      } else {
        found += Self.differences(
          values.first ?? Self.absent(field), member.value, field, schema, place)
      }
    }
    return found
  }

  private static func absent(_ field: FieldSchema) -> DynamicValue {
    field.type == .message ? .message(DynamicMessage(field.typeName)) : field.isText ? .bytes([]) : .number(0)
  }

  private static func differences(
    _ value: DynamicValue, _ expected: JSONValue, _ field: FieldSchema, _ schema: ServiceSchema, _ place: String
  ) -> [String] {
    if case .message(let message) = value { return message.differences(from: expected, schema, path: place) }
    guard let wanted = try? Self.value(expected, field, schema) else { return ["\(place): cannot be \(expected.text)"] }
    if value == wanted { return [] }
    return ["\(place) is \(json(value, field, schema).text), expected \(expected.text)"]
  }
}

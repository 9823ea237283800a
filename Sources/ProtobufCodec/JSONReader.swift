extension MessageDescriptor {
  /// Encodes the message that `text` holds as JSON. Source: ProtoJSON format.
  /// - Parameter ignoresUnknownFields: Whether members that the schema does not have are dropped
  ///   instead of refused.
  /// - Parameter valuesMax: The most values that the document may have: the parsed tree takes many
  ///   times the text's memory.
  /// - Throws: `JSONError` with the place of the fault.
  public func protobuf(
    fromJSON text: String, ignoresUnknownFields: Bool = false, valuesMax: Int = .max
  ) throws(JSONError) -> [UInt8] {
    var bytes: [UInt8] = []
    let reader = JSONReader(ignoresUnknownFields: ignoresUnknownFields)
    try reader.append(self, try JSONParser.parse(text, valuesMax: valuesMax), "", to: &bytes)
    return bytes
  }
}

extension ProtobufMessage {
  /// Reads the message from JSON.
  public init(json text: String, ignoresUnknownFields: Bool = false) throws(JSONError) {
    let bytes = try Self.descriptor.protobuf(fromJSON: text, ignoresUnknownFields: ignoresUnknownFields)
    do throws(DecodeError) { self = try Self(protobufBytes: bytes) } catch {
      throw JSONError(place: "document", reason: "\(error)")
    }
  }
}

/// Encodes JSON values by a message's schema.
struct JSONReader {
  let ignoresUnknownFields: Bool

  func append(_ descriptor: MessageDescriptor, _ value: JSONValue, _ path: String, to output: inout [UInt8])
    throws(JSONError)
  {
    if descriptor.fullName == WellKnownJSON.timestamp || descriptor.fullName == WellKnownJSON.duration {
      return try appendWellKnown(descriptor, value, path, to: &output)
    }
    guard case .object(let members) = value else { throw JSONError(place: name(path), reason: "expected an object") }
    var seen: Set<Int> = []
    var oneofs: Set<Int> = []
    for member in members {
      let memberPath = path.isEmpty ? member.name : "\(path).\(member.name)"
      guard let index = descriptor.index(named: member.name) else {
        if ignoresUnknownFields { continue }
        throw JSONError(place: memberPath, reason: "the schema has no such field")
      }
      guard seen.insert(index).inserted else { throw JSONError(place: memberPath, reason: "the field stands twice") }
      if case .null = member.value { continue }
      let field = descriptor.fields[index]
      if let oneof = field.oneof, !oneofs.insert(oneof).inserted {
        throw JSONError(place: memberPath, reason: "another field of the same oneof is set")
      }
      try append(field, descriptor.children[index], member.value, memberPath, to: &output)
    }
  }

  private func name(_ path: String) -> String { path.isEmpty ? "document" : path }

  private func append(
    _ field: FieldDescriptor, _ child: MessageDescriptor?, _ value: JSONValue, _ path: String, to output: inout [UInt8]
  ) throws(JSONError) {
    if field.isMap, let child {
      guard case .object(let members) = value else { throw JSONError(place: path, reason: "expected an object") }
      for member in members {
        var entry: [UInt8] = []
        try appendOne(child.fields[0], nil, mapKey(member.name, child.fields[0]), path, to: &entry)
        guard member.value != .null else { throw JSONError(place: path, reason: "a map holds no null") }
        try appendOne(child.fields[1], child.children[1], member.value, path, to: &entry)
        output.appendTag(field.number, .lengthDelimited)
        output.appendVarint(UInt64(entry.count))
        output.append(contentsOf: entry)
      }
    } else if field.isRepeated {
      guard case .array(let items) = value else { throw JSONError(place: path, reason: "expected an array") }
      for (position, item) in items.enumerated() {
        guard item != .null else { throw JSONError(place: path, reason: "a list holds no null") }
        try appendOne(field, child, item, "\(path)[\(position)]", to: &output)
      }
    } else {
      try appendOne(field, child, value, path, to: &output)
    }
  }

  /// Keys are always strings in JSON.
  private func mapKey(_ key: String, _ field: FieldDescriptor) -> JSONValue {
    field.type == .bool ? .bool(key == "true") : .string(key)
  }

  private func appendOne(
    _ field: FieldDescriptor, _ child: MessageDescriptor?, _ value: JSONValue, _ path: String, to output: inout [UInt8]
  ) throws(JSONError) {
    switch field.type {
    case .message:
      var inner: [UInt8] = []
      if let child { try append(child, value, path, to: &inner) }
      appendPayload(field, inner, to: &output)
    case .string:
      guard case .string(let text) = value else { throw JSONError(place: path, reason: "expected a string") }
      appendPayload(field, Array(text.utf8), to: &output)
    case .bytes:
      guard case .string(let text) = value, let bytes = Base64.decode(text) else {
        throw JSONError(place: path, reason: "expected base64")
      }
      appendPayload(field, bytes, to: &output)
    case .bool:
      guard case .bool(let flag) = value else { throw JSONError(place: path, reason: "expected true or false") }
      appendScalar(field, flag ? 1 : 0, to: &output)
    case .enumeration: appendScalar(field, try enumeration(field, value, path), to: &output)
    case .float, .double: appendScalar(field, try floating(field, value, path), to: &output)
    case .int32, .sfixed32, .sint32:
      let number = try integer(value, in: Int64(Int32.min)...Int64(Int32.max), path)
      let bits = UInt64(bitPattern: number)
      appendScalar(field, field.type == .sint32 ? Self.zigzag(number) : bits, to: &output)
    case .int64, .sfixed64, .sint64:
      let number = try integer(value, in: Int64.min...Int64.max, path)
      appendScalar(field, field.type == .sint64 ? Self.zigzag(number) : UInt64(bitPattern: number), to: &output)
    case .uint32, .fixed32:
      appendScalar(field, UInt64(bitPattern: try integer(value, in: 0...Int64(UInt32.max), path)), to: &output)
    case .uint64, .fixed64:
      appendScalar(field, try unsigned(value, path), to: &output)
    }
  }

  private func enumeration(_ field: FieldDescriptor, _ value: JSONValue, _ path: String) throws(JSONError) -> UInt64 {
    if case .string(let name) = value {
      guard let number = field.enumeration?.number(of: name) else {
        throw JSONError(place: path, reason: "\(field.enumeration?.fullName ?? "the enum") has no value \(name)")
      }
      return UInt64(bitPattern: Int64(number))
    }
    return UInt64(bitPattern: try integer(value, in: Int64(Int32.min)...Int64(Int32.max), path))
  }

  private func floating(_ field: FieldDescriptor, _ value: JSONValue, _ path: String) throws(JSONError) -> UInt64 {
    let text: String
    switch value {
    case .number(let number): text = number
    case .string("NaN"): return bits(.nan, field)
    case .string("Infinity"): return bits(.infinity, field)
    case .string("-Infinity"): return bits(-.infinity, field)
    case .string(let number): text = number
    default: throw JSONError(place: path, reason: "expected a number")
    }
    guard case .number? = try? JSONParser.parse(text), let number = Double(text), number.isFinite else {
      throw JSONError(place: path, reason: "expected a number in range")
    }
    if field.type == .float && !Float(number).isFinite {
      throw JSONError(place: path, reason: "expected a number in range")
    }
    return bits(number, field)
  }

  private func bits(_ value: Double, _ field: FieldDescriptor) -> UInt64 {
    field.type == .float ? UInt64(Float(value).bitPattern) : value.bitPattern
  }

  /// An integer written as a number or a string; `1.0` and `1e2` are integers too.
  private func integer(_ value: JSONValue, in range: ClosedRange<Int64>, _ path: String) throws(JSONError) -> Int64 {
    let text = try numberText(value, path)
    if let number = Int64(text) {
      guard range.contains(number) else { throw JSONError(place: path, reason: "\(text) is out of range") }
      return number
    }
    guard let floating = Double(text), let number = Int64(exactly: floating), range.contains(number) else {
      throw JSONError(place: path, reason: "\(text) is no integer in range")
    }
    return number
  }

  private func unsigned(_ value: JSONValue, _ path: String) throws(JSONError) -> UInt64 {
    let text = try numberText(value, path)
    if let number = UInt64(text) { return number }
    guard let floating = Double(text), let number = UInt64(exactly: floating) else {
      throw JSONError(place: path, reason: "\(text) is no integer in range")
    }
    return number
  }

  private func numberText(_ value: JSONValue, _ path: String) throws(JSONError) -> String {
    switch value {
    case .number(let text): return text
    case .string(let text):
      guard case .number? = try? JSONParser.parse(text), text.first != " ", text.last != " " else {
        throw JSONError(place: path, reason: "expected an integer")
      }
      return text
    default: throw JSONError(place: path, reason: "expected an integer")
    }
  }

  private func appendWellKnown(
    _ descriptor: MessageDescriptor, _ value: JSONValue, _ path: String, to output: inout [UInt8]
  ) throws(JSONError) {
    let isTimestamp = descriptor.fullName == WellKnownJSON.timestamp
    guard case .string(let text) = value,
      let parsed = isTimestamp ? WellKnownJSON.parseTimestamp(text) : WellKnownJSON.parseDuration(text)
    else {
      throw JSONError(
        place: name(path),
        reason: isTimestamp ? "expected a time such as 2026-11-23T19:00:00Z" : "expected a duration such as 1.5s")
    }
    if parsed.seconds != 0 {
      output.appendTag(1, .varint)
      output.appendVarint(UInt64(bitPattern: parsed.seconds))
    }
    if parsed.nanos != 0 {
      output.appendTag(2, .varint)
      output.appendVarint(UInt64(bitPattern: Int64(parsed.nanos)))
    }
  }

  static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

  private func appendPayload(_ field: FieldDescriptor, _ payload: [UInt8], to output: inout [UInt8]) {
    output.appendTag(field.number, .lengthDelimited)
    output.appendVarint(UInt64(payload.count))
    output.append(contentsOf: payload)
  }

  private func appendScalar(_ field: FieldDescriptor, _ bits: UInt64, to output: inout [UInt8]) {
    output.appendTag(field.number, field.type.wireType)
    switch field.type.wireType {
    case .fixed32: for shift in 0..<4 { output.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift * 8))) }
    case .fixed64: for shift in 0..<8 { output.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift * 8))) }
    default: output.appendVarint(bits)
    }
  }
}

extension MessageDescriptor {
  /// The JSON of an encoded message. Source: ProtoJSON format. Default values are left out, names
  /// are lowerCamelCase.
  /// - Parameter indented: Two spaces per level, one member per line.
  /// - Throws: `DecodeError` when the bytes are not a valid message of this type.
  public func json(fromProtobuf bytes: [UInt8], indented: Bool = false, limits: DecodeLimits = DecodeLimits())
    throws(DecodeError) -> String
  {
    guard bytes.count <= limits.messageBytesMax else { throw .messageTooLarge }
    return unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      var validator = unsafe WireValidator(bytes, elementsMax: limits.elementsMax)
      unsafe try validator.check(self, 0..<bytes.count, nestingLeft: limits.nestingMax)
      var regular: [UInt8] = []
      unsafe try WireNormaliser(bytes).append(self, [0..<bytes.count], to: &regular, nestingLeft: limits.nestingMax)
      var writer = JSONWriter(indented: indented)
      try writer.write(self, regular)
      return String(decoding: writer.output, as: UTF8.self)
    }
  }
}

extension ProtobufMessage {
  /// The message as JSON.
  public func json(indented: Bool = false) throws(DecodeError) -> String {
    try Self.descriptor.json(fromProtobuf: protobufBytes(), indented: indented)
  }
}

/// Writes normalised messages as JSON.
struct JSONWriter {
  private(set) var output: [UInt8] = []
  private let indented: Bool
  private var level = 0

  init(indented: Bool) { self.indented = indented }

  mutating func write(_ descriptor: MessageDescriptor, _ bytes: [UInt8]) throws(DecodeError) {
    let message = try WireMessage(bytes)
    if descriptor.fullName == WellKnownJSON.timestamp || descriptor.fullName == WellKnownJSON.duration {
      return writeWellKnown(descriptor, message)
    }
    var isFirst = true
    open("{")
    for (index, field) in descriptor.fields.enumerated() {
      let child = descriptor.children[index]
      if field.isMap, let child {
        let entries = try message.messages(field.number)
        guard !entries.isEmpty else { continue }
        begin(field.jsonName, &isFirst)
        try writeMap(entries, child)
      } else if field.isRepeated {
        let items = try items(of: field, child, message)
        guard !items.isEmpty else { continue }
        begin(field.jsonName, &isFirst)
        var isFirstItem = true
        open("[")
        for item in items {
          separate(&isFirstItem)
          try write(item, field, child)
        }
        close("]", isEmpty: false)
      } else if let item = try items(of: field, child, message).last, field.hasPresence || !item.isDefault {
        begin(field.jsonName, &isFirst)
        try write(item, field, child)
      }
    }
    close("}", isEmpty: isFirst)
  }

  private enum Item {
    case number(UInt64)
    case payload([UInt8])

    var isDefault: Bool {
      switch self {
      case .number(let value): value == 0
      case .payload(let bytes): bytes.isEmpty
      }
    }
  }

  private func items(of field: FieldDescriptor, _ child: MessageDescriptor?, _ message: WireMessage)
    throws(DecodeError) -> [Item]
  {
    guard field.type.isPackable else { return message.payloads(field.number).map { .payload($0) } }
    return message.scalars(field.number, field.type).map { .number($0) }
  }

  private mutating func write(_ item: Item, _ field: FieldDescriptor, _ child: MessageDescriptor?) throws(DecodeError) {
    switch item {
    case .number(let value): writeNumber(value, field)
    case .payload(let bytes):
      switch field.type {
      case .message: if let child { try write(child, bytes) }
      case .bytes: output.appendJSONString(Base64.encode(bytes, padding: true))
      default: output.appendJSONString(String(decoding: bytes, as: UTF8.self))
      }
    }
  }

  private mutating func writeNumber(_ value: UInt64, _ field: FieldDescriptor) {
    let signed = Int64(bitPattern: value)
    switch field.type {
    case .bool: append(value != 0 ? "true" : "false")
    case .int32, .sfixed32: append("\(Int32(truncatingIfNeeded: signed))")
    case .sint32: append("\(Int32(truncatingIfNeeded: Self.unzigzag(UInt64(UInt32(truncatingIfNeeded: value)))))")
    case .uint32, .fixed32: append("\(UInt32(truncatingIfNeeded: value))")
    case .int64, .sfixed64: append("\"\(signed)\"")
    case .sint64: append("\"\(Self.unzigzag(value))\"")
    case .uint64, .fixed64: append("\"\(value)\"")
    case .float:
      writeFloating(
        Double(Float(bitPattern: UInt32(truncatingIfNeeded: value))),
        "\(Float(bitPattern: UInt32(truncatingIfNeeded: value)))")
    case .double: writeFloating(Double(bitPattern: value), "\(Double(bitPattern: value))")
    case .enumeration:
      let number = Int32(truncatingIfNeeded: signed)
      if let name = field.enumeration?.name(of: number) {
        output.appendJSONString(name)
      } else {
        append("\(number)")
      }
    case .string, .bytes, .message: break
    }
  }

  private mutating func writeFloating(_ value: Double, _ text: String) {
    if value.isNaN {
      append("\"NaN\"")
    } else if value.isInfinite {
      append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"")
    } else {
      append(text)
    }
  }

  private mutating func writeMap(_ entries: [WireMessage], _ entry: MessageDescriptor) throws(DecodeError) {
    guard let keyIndex = entry.index(of: 1), let valueIndex = entry.index(of: 2) else { return }
    let key = entry.fields[keyIndex]
    let value = entry.fields[valueIndex]
    // The last entry of a key wins.
    var values: [(key: String, item: Item)] = []
    for message in entries {
      let keyItem = try items(of: key, nil, message).last ?? (key.type.isPackable ? .number(0) : .payload([]))
      var keyWriter = JSONWriter(indented: false)
      try keyWriter.write(keyItem, key, nil)
      let text = String(decoding: keyWriter.output, as: UTF8.self)
      let item =
        try items(of: value, entry.children[valueIndex], message).last
        ?? (value.type.isPackable ? .number(0) : .payload([]))
      values.removeAll { $0.key == text }
      values.append((text, item))
    }
    var isFirst = true
    open("{")
    for (key, item) in values.sorted(by: { $0.key < $1.key }) {
      separate(&isFirst)
      append(key.utf8.first == UInt8(ascii: "\"") ? key : "\"\(key)\"")
      append(indented ? ": " : ":")
      try write(item, value, entry.children[valueIndex])
    }
    close("}", isEmpty: isFirst)
  }

  private mutating func writeWellKnown(_ descriptor: MessageDescriptor, _ message: WireMessage) {
    let seconds = Int64(bitPattern: message.number(1) ?? 0)
    let nanos = Int32(truncatingIfNeeded: Int64(bitPattern: message.number(2) ?? 0))
    let text =
      descriptor.fullName == WellKnownJSON.timestamp
      ? WellKnownJSON.timestampText(seconds: seconds, nanos: nanos)
      : WellKnownJSON.durationText(seconds: seconds, nanos: nanos)
    // A value outside the range has no JSON form: the text shows its two numbers.
    output.appendJSONString(text ?? "\(seconds)s \(nanos)ns")
  }

  static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }

  // MARK: Layout

  private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

  private mutating func open(_ bracket: String) {
    append(bracket)
    level += 1
  }

  private mutating func close(_ bracket: String, isEmpty: Bool) {
    level -= 1
    if !isEmpty { newLine() }
    append(bracket)
  }

  private mutating func separate(_ isFirst: inout Bool) {
    if !isFirst { append(",") }
    isFirst = false
    newLine()
  }

  private mutating func begin(_ name: String, _ isFirst: inout Bool) {
    separate(&isFirst)
    output.appendJSONString(name)
    append(indented ? ": " : ":")
  }

  private mutating func newLine() {
    guard indented else { return }
    append("\n" + String(repeating: "  ", count: level))
  }
}

extension WireMessage {
  /// All values of a packable field, packed or not.
  func scalars(_ number: UInt32, _ type: FieldType) -> [UInt64] {
    guard type.wireType != .varint else { return numbers(number) }
    let width = type.wireType == .fixed32 ? 4 : 8
    return values(number, width: width)
  }
}

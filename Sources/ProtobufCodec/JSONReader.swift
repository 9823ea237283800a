extension MessageDescriptor {
  /// Encodes the message that `text` holds as JSON. Source: ProtoJSON format.
  /// - Parameter ignoresUnknownFields: Whether members that the schema does not have are dropped
  ///   instead of refused.
  /// - Parameter valuesMax: The most values that the document may have: each may take a message's
  ///   memory, however few bytes it has.
  /// - Parameter types: The messages that a `google.protobuf.Any` may hold.
  /// - Throws: `JSONError` with the place of the fault.
  public func protobuf(
    fromJSON text: String, ignoresUnknownFields: Bool = false, valuesMax: Int = .max, types: MessageTypes = .none
  ) throws(JSONError) -> [UInt8] {
    let bytes = Array(text.utf8)
    return unsafe try protobuf(
      fromJSON: bytes.span.bytes, ignoresUnknownFields: ignoresUnknownFields, valuesMax: valuesMax, types: types)
  }

  /// The same for bytes that may not be UTF-8.
  package func protobuf(
    fromJSON text: RawSpan, ignoresUnknownFields: Bool = false, valuesMax: Int = .max, types: MessageTypes = .none
  ) throws(JSONError) -> [UInt8] {
    unsafe try text.withUnsafeBytes { bytes throws(JSONError) in
      do throws(UTF8.ValidationError) {
        _ = unsafe try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
      } catch {
        throw JSONError(place: "byte \(error.byteOffsets.lowerBound)", reason: "it is not UTF-8")
      }
      var reader = unsafe JSONReader(
        JSONCursor(bytes, valuesMax: valuesMax), ignoresUnknownFields: ignoresUnknownFields, types: types)
      do throws(JSONFault) { return try reader.document(self) } catch { throw error.error }
    }
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

/// Encodes JSON by a message's schema while reading it.
struct JSONReader {
  private var cursor: JSONCursor
  private let ignoresUnknownFields: Bool
  private let types: MessageTypes
  private var output: [UInt8] = []
  private var anysLeft = MessageTypes.nestingMax

  init(_ cursor: JSONCursor, ignoresUnknownFields: Bool, types: MessageTypes) {
    self.cursor = cursor
    self.ignoresUnknownFields = ignoresUnknownFields
    self.types = types
  }

  /// Reads the whole document.
  mutating func document(_ descriptor: MessageDescriptor) throws(JSONFault) -> [UInt8] {
    try message(descriptor, nestingLeft: JSONCursor.nestingMax)
    cursor.skipSpace()
    guard cursor.isAtEnd else { throw cursor.fault("text after the document") }
    return output
  }

  // MARK: Messages

  private mutating func message(_ descriptor: MessageDescriptor, nestingLeft: Int) throws(JSONFault) {
    try cursor.beginValue(nestingLeft: nestingLeft)
    try begunMessage(descriptor, nestingLeft: nestingLeft)
  }

  private mutating func begunMessage(_ descriptor: MessageDescriptor, nestingLeft: Int) throws(JSONFault) {
    switch descriptor.wellKnown {
    case nil: try members(of: descriptor, nestingLeft: nestingLeft)
    case .any: try any(nestingLeft: nestingLeft)
    case .timestamp: try moment(isTimestamp: true)
    case .duration: try moment(isTimestamp: false)
    }
  }

  /// - Parameter isInAny: The message's members may include `@type`.
  private mutating func members(
    of descriptor: MessageDescriptor, nestingLeft: Int, isInAny: Bool = false
  ) throws(JSONFault) {
    guard cursor.take(UInt8(ascii: "{")) else { throw .value("expected an object") }
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "}")) { return }
    var seen = IndexSet()
    var oneofs = IndexSet()
    var hint = 0
    repeat {
      let name = try cursor.name()
      let found = try cursor.withBytes(of: name) { name throws(JSONFault) in
        descriptor.index(named: name, hint: hint)
      }
      guard let index = found else {
        let isDropped = isInAny ? try isTypeName(name) : false
        if isDropped || ignoresUnknownFields {
          try cursor.skipValue(nestingLeft: nestingLeft - 1)
          continue
        }
        throw .value(path: cursor.string(name), "the schema has no such field")
      }
      hint = index
      do throws(JSONFault) {
        guard seen.insert(index) else { throw .value("the field stands twice") }
        try cursor.beginValue(nestingLeft: nestingLeft - 1)
        if cursor.takeWord("null") { continue }
        let oneof = descriptor.jsonFields[index].oneof
        if oneof >= 0, !oneofs.insert(oneof) { throw .value("another field of the same oneof is set") }
        try member(descriptor.jsonFields[index], descriptor.children[index], nestingLeft: nestingLeft - 1)
      } catch {
        throw error.within(cursor.string(name))
      }
    } while try cursor.next(before: UInt8(ascii: "}"))
  }

  private mutating func member(
    _ field: JSONField, _ child: MessageDescriptor?, nestingLeft: Int
  ) throws(JSONFault) {
    if field.isMap, let child { return try map(field, child, nestingLeft: nestingLeft) }
    guard field.isRepeated else { return try value(field, child, nestingLeft: nestingLeft) }
    guard cursor.take(UInt8(ascii: "[")) else { throw .value("expected an array") }
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "]")) { return }
    // Scalars of a list go into one field.
    let isPacked = field.type.isPackable
    let place = isPacked ? begin(field.number) : 0
    var position = 0
    repeat {
      do throws(JSONFault) {
        try cursor.beginValue(nestingLeft: nestingLeft - 1)
        if isPacked {
          try scalar(field)
        } else {
          try value(field, child, nestingLeft: nestingLeft - 1)
        }
      } catch {
        throw error.within(item: position)
      }
      position += 1
    } while try cursor.next(before: UInt8(ascii: "]"))
    if isPacked { end(place) }
  }

  private mutating func map(_ field: JSONField, _ entry: MessageDescriptor, nestingLeft: Int) throws(JSONFault) {
    guard cursor.take(UInt8(ascii: "{")) else { throw .value("expected an object") }
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "}")) { return }
    var keys: Set<[UInt8]> = []
    repeat {
      let name = try cursor.name()
      var key: [UInt8] = []
      try cursor.append(name, to: &key)
      guard keys.insert(key).inserted else { throw .value("the key \(cursor.string(name)) stands twice") }
      let place = begin(field.number)
      try mapKey(key, entry.jsonFields[0])
      try cursor.beginValue(nestingLeft: nestingLeft - 1)
      guard cursor.current != UInt8(ascii: "n") else { throw .value("a map holds no null") }
      try value(entry.jsonFields[1], entry.children[1], nestingLeft: nestingLeft - 1)
      end(place)
    } while try cursor.next(before: UInt8(ascii: "}"))
  }

  /// Keys are always strings in JSON.
  private mutating func mapKey(_ key: [UInt8], _ field: JSONField) throws(JSONFault) {
    switch field.type {
    case .string:
      output.appendTag(field.number, .lengthDelimited)
      output.appendVarint(UInt64(key.count))
      output.append(contentsOf: key)
    case .bool:
      output.appendTag(field.number, .varint)
      output.append(key == Array("true".utf8) ? 1 : 0)
    default:
      guard JSONCursor.isNumber(key.span) else { throw .value("expected an integer") }
      output.appendTag(field.number, field.type.wireType)
      try append(JSONInteger(key.span), field.type)
    }
  }

  /// Reads one value of a field, with its tag.
  private mutating func value(
    _ field: JSONField, _ child: MessageDescriptor?, nestingLeft: Int
  ) throws(JSONFault) {
    switch field.type {
    case .message:
      let place = begin(field.number)
      if cursor.current == UInt8(ascii: "n") { throw .value("a list holds no null") }
      if let child { try begunMessage(child, nestingLeft: nestingLeft) }
      end(place)
    case .string:
      let text = try string("expected a string")
      guard text.hasEscapes else {
        output.appendTag(field.number, .lengthDelimited)
        output.appendVarint(UInt64(text.range.count))
        return try cursor.append(text, to: &output)
      }
      let place = begin(field.number)
      try cursor.append(text, to: &output)
      end(place)
    case .bytes:
      let text = try string("expected base64")
      let place = begin(field.number)
      let isBase64 = try cursor.withBytes(of: text) { text throws(JSONFault) in
        Base64.decode(text, appendingTo: &output)
      }
      guard isBase64 else { throw .value("expected base64") }
      end(place)
    default:
      output.appendTag(field.number, field.type.wireType)
      try scalar(field)
    }
  }

  private mutating func string(_ reason: String) throws(JSONFault) -> JSONCursor.Text {
    guard cursor.current == UInt8(ascii: "\"") else { throw .value(reason) }
    return try cursor.text()
  }

  // MARK: Lengths

  /// Begins a field whose length follows from the appended bytes.
  /// - Returns: The place of the length.
  private mutating func begin(_ number: UInt32) -> Int {
    output.appendTag(number, .lengthDelimited)
    output.append(0)
    return output.count - 1
  }

  private mutating func end(_ place: Int) {
    let count = output.count - place - 1
    guard count >= 0x80 else {
      output[place] = UInt8(count)
      return
    }
    var length: [UInt8] = []
    length.appendVarint(UInt64(count))
    output.replaceSubrange(place...place, with: length)
  }

  // MARK: Scalars

  /// Reads a number, a boolean or the name of an enum's value, without a tag.
  private mutating func scalar(_ field: JSONField) throws(JSONFault) {
    switch field.type {
    case .bool:
      if cursor.takeWord("true") {
        output.append(1)
      } else if cursor.takeWord("false") {
        output.append(0)
      } else {
        throw .value("expected true or false")
      }
    case .enumeration: output.appendVarint(UInt64(bitPattern: Int64(try enumeration(field))))
    case .float: append(fixed: try float().bitPattern, 4)
    case .double: append(fixed: try double().bitPattern, 8)
    default: try append(try integer(), field.type)
    }
  }

  private mutating func enumeration(_ field: JSONField) throws(JSONFault) -> Int32 {
    guard cursor.current == UInt8(ascii: "\"") else {
      guard let number = try integer()?.signed.flatMap({ Int32(exactly: $0) }) else {
        throw .value("expected a 32-bit integer")
      }
      return number
    }
    let text = try cursor.text()
    let number = try cursor.withBytes(of: text) { name throws(JSONFault) in field.enumeration?.number(named: name) }
    guard let number else {
      throw .value("\(field.enumeration?.fullName ?? "the enum") has no value \(cursor.string(text))")
    }
    return number
  }

  /// Reads an integer, written as a number or a string.
  /// - Returns: nil for a number that is not an integer of 64 bits.
  private mutating func integer() throws(JSONFault) -> JSONInteger? {
    guard cursor.current == UInt8(ascii: "\"") else {
      guard isNumberNext else { throw .value("expected an integer") }
      let range = try cursor.number()
      return try cursor.withBytes(in: range) { text throws(JSONFault) in JSONInteger(text) }
    }
    let text = try cursor.text()
    return try cursor.withBytes(of: text) { text throws(JSONFault) in
      guard JSONCursor.isNumber(text) else { throw .value("expected an integer") }
      return JSONInteger(text)
    }
  }

  /// Whether the value is a number, or invalid: reading it shows which of the two.
  private var isNumberNext: Bool {
    switch cursor.current {
    case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): false
    default: true
    }
  }

  private mutating func append(_ integer: JSONInteger?, _ type: FieldType) throws(JSONFault) {
    switch type {
    case .int32, .sint32, .sfixed32:
      guard let number = integer?.signed.flatMap({ Int32(exactly: $0) }) else {
        throw .value("expected a 32-bit integer")
      }
      if type == .sfixed32 { return append(fixed: UInt32(bitPattern: number), 4) }
      output.appendVarint(type == .sint32 ? Self.zigzag(Int64(number)) : UInt64(bitPattern: Int64(number)))
    case .int64, .sint64, .sfixed64:
      guard let number = integer?.signed else { throw .value("expected a 64-bit integer") }
      if type == .sfixed64 { return append(fixed: UInt64(bitPattern: number), 8) }
      output.appendVarint(type == .sint64 ? Self.zigzag(number) : UInt64(bitPattern: number))
    case .uint32, .fixed32:
      guard let number = integer?.unsigned.flatMap({ UInt32(exactly: $0) }) else {
        throw .value("expected a 32-bit integer that is not negative")
      }
      type == .fixed32 ? append(fixed: number, 4) : output.appendVarint(UInt64(number))
    default:
      guard let number = integer?.unsigned else { throw .value("expected a 64-bit integer that is not negative") }
      type == .fixed64 ? append(fixed: number, 8) : output.appendVarint(number)
    }
  }

  private mutating func append(fixed value: some FixedWidthInteger, _ count: Int) {
    let bits = UInt64(truncatingIfNeeded: value)
    for index in 0..<count { output.append(UInt8(truncatingIfNeeded: bits >> UInt64(index * 8))) }
  }

  static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

  private mutating func double() throws(JSONFault) -> Double {
    let text = try floatingText()
    guard let number = Double(text), number.isFinite || Self.notFinite.contains(text) else {
      throw .value("expected a number in range")
    }
    return number
  }

  private mutating func float() throws(JSONFault) -> Float {
    let text = try floatingText()
    guard let number = Float(text), number.isFinite || Self.notFinite.contains(text) else {
      throw .value("expected a number in range")
    }
    return number
  }

  private static let notFinite: Set = ["NaN", "Infinity", "-Infinity"]

  /// Reads a number, written as one or as a string.
  private mutating func floatingText() throws(JSONFault) -> String {
    guard cursor.current == UInt8(ascii: "\"") else {
      guard isNumberNext else { throw .value("expected a number") }
      return cursor.string(JSONCursor.Text(range: try cursor.number(), hasEscapes: false))
    }
    let text = cursor.string(try cursor.text())
    guard Self.notFinite.contains(text) || JSONCursor.isNumber(Array(text.utf8).span) else {
      throw .value("expected a number")
    }
    return text
  }

  // MARK: Messages with a form of their own

  private mutating func moment(isTimestamp: Bool) throws(JSONFault) {
    let reason = isTimestamp ? "expected a time such as 2026-11-23T19:00:00Z" : "expected a duration such as 1.5s"
    let text = try string(reason)
    let parsed = try cursor.withBytes(of: text) { text throws(JSONFault) in
      isTimestamp ? WellKnownJSON.parseTimestamp(text) : WellKnownJSON.parseDuration(text)
    }
    guard let parsed else { throw .value(reason) }
    if parsed.seconds != 0 {
      output.appendTag(1, .varint)
      output.appendVarint(UInt64(bitPattern: parsed.seconds))
    }
    if parsed.nanos != 0 {
      output.appendTag(2, .varint)
      output.appendVarint(UInt64(bitPattern: Int64(parsed.nanos)))
    }
  }

  private func isTypeName(_ name: JSONCursor.Text) throws(JSONFault) -> Bool {
    try cursor.withBytes(of: name) { name throws(JSONFault) in name.holds(Self.typeName) }
  }

  private static let typeName = Array("@type".utf8)
  private static let valueName = Array("value".utf8)

  /// Reads an object whose member `@type` names the message of the others; it may follow them.
  private mutating func any(nestingLeft: Int) throws(JSONFault) {
    guard anysLeft > 0 else { throw cursor.fault("Any nested deeper than \(MessageTypes.nestingMax) levels") }
    guard cursor.current == UInt8(ascii: "{") else { throw .value("expected an object") }
    let start = cursor.offset
    guard let url = try typeURL(nestingLeft: nestingLeft) else { return }
    guard let descriptor = types.message(of: url) else {
      throw .value(path: "@type", "there is no message type \(url) here")
    }
    cursor.rewind(to: start)
    output.appendTag(1, .lengthDelimited)
    output.appendVarint(UInt64(url.utf8.count))
    output.append(contentsOf: url.utf8)
    let place = begin(2)
    anysLeft -= 1
    if descriptor.wellKnown == nil {
      try members(of: descriptor, nestingLeft: nestingLeft, isInAny: true)
    } else {
      try wrapped(descriptor, nestingLeft: nestingLeft)
    }
    anysLeft += 1
    end(place)
  }

  /// Reads an object for its `@type`.
  /// - Returns: nil for an object without members, which is an `Any` without a message.
  private mutating func typeURL(nestingLeft: Int) throws(JSONFault) -> String? {
    _ = cursor.take(UInt8(ascii: "{"))
    cursor.skipSpace()
    if cursor.take(UInt8(ascii: "}")) { return nil }
    var url: String?
    repeat {
      let name = try cursor.name()
      guard try isTypeName(name) else {
        try cursor.skipValue(nestingLeft: nestingLeft - 1)
        continue
      }
      guard url == nil else { throw .value(path: "@type", "the field stands twice") }
      try cursor.beginValue(nestingLeft: nestingLeft - 1)
      guard cursor.current == UInt8(ascii: "\"") else { throw .value(path: "@type", "expected a string") }
      url = cursor.string(try cursor.text())
    } while try cursor.next(before: UInt8(ascii: "}"))
    guard let url else { throw .value("expected a member @type") }
    return url
  }

  /// Reads `{"@type": …, "value": …}`: the form of an `Any` whose message's JSON is not an object
  /// of its fields.
  private mutating func wrapped(_ descriptor: MessageDescriptor, nestingLeft: Int) throws(JSONFault) {
    _ = cursor.take(UInt8(ascii: "{"))
    var hasValue = false
    repeat {
      let name = try cursor.name()
      let isValue = try cursor.withBytes(of: name) { name throws(JSONFault) in name.holds(Self.valueName) }
      if isValue {
        guard !hasValue else { throw .value(path: "value", "the field stands twice") }
        hasValue = true
        do throws(JSONFault) { try message(descriptor, nestingLeft: nestingLeft - 1) } catch {
          throw error.within("value")
        }
      } else if ignoresUnknownFields {
        try cursor.skipValue(nestingLeft: nestingLeft - 1)
      } else if try isTypeName(name) {
        try cursor.skipValue(nestingLeft: nestingLeft - 1)
      } else {
        throw .value(path: cursor.string(name), "the schema has no such field")
      }
    } while try cursor.next(before: UInt8(ascii: "}"))
    guard hasValue else { throw .value("expected a member value") }
  }
}

/// A set of small numbers.
private struct IndexSet {
  private var low: UInt64 = 0
  private var high: Set<Int> = []

  /// - Returns: false if the set has the number already.
  mutating func insert(_ index: Int) -> Bool {
    guard index < 64 else { return high.insert(index).inserted }
    let bit: UInt64 = 1 << UInt64(index)
    defer { low |= bit }
    return low & bit == 0
  }
}

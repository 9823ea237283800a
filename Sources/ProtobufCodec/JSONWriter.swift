extension MessageDescriptor {
  /// The JSON of an encoded message. Source: ProtoJSON format. Default values are left out, names
  /// are lowerCamelCase.
  /// - Parameter indented: Two spaces per level, one member per line.
  /// - Parameter types: The messages that a `google.protobuf.Any` may hold.
  /// - Throws: `DecodeError` if the bytes are not this message, or hold an `Any` of another type.
  public func json(
    fromProtobuf bytes: [UInt8], indented: Bool = false, limits: DecodeLimits = DecodeLimits(),
    types: MessageTypes = .none
  ) throws(DecodeError) -> String {
    guard bytes.count <= limits.messageBytesMax else { throw .messageTooLarge }
    return unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      var validator = unsafe WireValidator(bytes, elementsMax: limits.elementsMax)
      unsafe try validator.check(self, 0..<bytes.count, nestingLeft: limits.nestingMax)
      var writer = JSONWriter(indented: indented, types: types)
      unsafe try writer.write(self, bytes)
      return String(decoding: writer.output, as: UTF8.self)
    }
  }

  /// Appends the JSON of a message that this program encoded.
  package func appendJSON(
    ofOwn bytes: [UInt8], types: MessageTypes, to output: inout [UInt8]
  ) throws(DecodeError) {
    var writer = JSONWriter(indented: false, types: types)
    swap(&writer.output, &output)
    defer { swap(&writer.output, &output) }
    unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      unsafe try writer.write(self, bytes)
    }
  }
}

extension ProtobufMessage {
  /// The message as JSON.
  public func json(indented: Bool = false) throws(DecodeError) -> String {
    try Self.descriptor.json(fromProtobuf: protobufBytes(), indented: indented)
  }
}

/// Writes encoded messages as JSON.
///
/// A message whose fields are in ascending order, as encoders write them, is written while it is
/// read. Another message is sorted first.
struct JSONWriter {
  var output: [UInt8] = []
  private let indented: Bool
  private let types: MessageTypes
  private var level = 0
  private var anysLeft = MessageTypes.nestingMax

  init(indented: Bool, types: MessageTypes) {
    self.indented = indented
    self.types = types
  }

  mutating func write(_ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer) throws(DecodeError) {
    unsafe try write(descriptor, bytes, 0..<bytes.count, nestingLeft: DecodeLimits.jsonNestingMax)
  }

  private mutating func write(
    _ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, nestingLeft: Int
  ) throws(DecodeError) {
    guard nestingLeft > 0 else { throw .nestedTooDeeply }
    switch descriptor.wellKnown {
    case .timestamp, .duration: return unsafe try writeMoment(descriptor, bytes, range)
    case .any: return unsafe try writeAny(descriptor, bytes, range, nestingLeft: nestingLeft)
    case nil: break
    }
    var isFirst = true
    open(UInt8(ascii: "{"))
    unsafe try writeMembers(descriptor, bytes, range, isFirst: &isFirst, nestingLeft: nestingLeft)
    close(UInt8(ascii: "}"), isEmpty: isFirst)
  }

  private mutating func writeMembers(
    _ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, isFirst: inout Bool,
    nestingLeft: Int
  ) throws(DecodeError) {
    let start = output.count
    let (startLevel, wasFirst) = (level, isFirst)
    if unsafe try writeOrdered(descriptor, bytes, range, &isFirst, nestingLeft) { return }
    output.removeLast(output.count - start)
    level = startLevel
    isFirst = wasFirst
    var regular: [UInt8] = []
    unsafe try WireNormaliser(bytes).append(descriptor, [range], to: &regular, nestingLeft: nestingLeft)
    let ordered = try regular.fieldsInOrder(of: descriptor)
    unsafe try ordered.span.bytes.withUnsafeBytes { ordered throws(DecodeError) in
      _ = unsafe try writeOrdered(descriptor, ordered, 0..<ordered.count, &isFirst, nestingLeft)
    }
  }

  /// - Returns: false for fields that are not in order; the caller drops the output so far.
  private mutating func writeOrdered(
    _ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ isFirst: inout Bool,
    _ nestingLeft: Int
  ) throws(DecodeError) -> Bool {
    var reader = unsafe WireReader(bytes, range)
    var last = -1
    var oneofs: UInt64 = 0
    // The list that is open, and the entries of the map that is.
    var isInList = false
    var entries: [Range<Int>] = []
    while let wire = unsafe try reader.next(nestingLeft: nestingLeft) {
      guard let index = descriptor.index(of: wire.number) else { continue }
      let field = descriptor.jsonFields[index]
      let isPacked = wire.type == .lengthDelimited && field.isRepeated && field.type.isPackable
      guard wire.type == field.type.wireType || isPacked else { continue }
      if index != last {
        guard index > last else { return false }
        if isInList { close(UInt8(ascii: "]"), isEmpty: false) }
        isInList = false
        if !entries.isEmpty { unsafe try writeMap(descriptor, last, bytes, entries, &isFirst, nestingLeft) }
        entries = []
        last = index
      } else if !field.isRepeated {
        return false
      }
      if field.isMap {
        entries.append(wire.payload)
        continue
      }
      if field.isRepeated {
        if isPacked && wire.payload.isEmpty { continue }
        if !isInList { beginList(field, &isFirst) } else if !isPacked { separate() }
        if isPacked {
          unsafe try writePacked(field, bytes, wire.payload, continues: isInList)
        } else {
          unsafe try writeValue(field, descriptor.children[index], wire, bytes, nestingLeft)
        }
        isInList = true
        continue
      }
      if field.oneof >= 0 {
        guard field.oneof < 64, oneofs & 1 << UInt64(field.oneof) == 0 else { return false }
        oneofs |= 1 << UInt64(field.oneof)
      } else if !field.hasPresence, wire.value == 0, wire.payload.isEmpty {
        continue
      }
      begin(field, &isFirst)
      unsafe try writeValue(field, descriptor.children[index], wire, bytes, nestingLeft)
    }
    if isInList { close(UInt8(ascii: "]"), isEmpty: false) }
    if !entries.isEmpty { unsafe try writeMap(descriptor, last, bytes, entries, &isFirst, nestingLeft) }
    return true
  }

  private mutating func beginList(_ field: JSONField, _ isFirst: inout Bool) {
    begin(field, &isFirst)
    open(UInt8(ascii: "["))
    newLine()
  }

  // MARK: Values

  private mutating func writeValue(
    _ field: JSONField, _ child: MessageDescriptor?, _ wire: WireField, _ bytes: UnsafeRawBufferPointer,
    _ nestingLeft: Int
  ) throws(DecodeError) {
    switch field.type {
    case .message:
      if let child { unsafe try write(child, bytes, wire.payload, nestingLeft: nestingLeft - 1) }
    case .bytes:
      output.append(UInt8(ascii: "\""))
      unsafe Base64.encode(UnsafeRawBufferPointer(rebasing: bytes[wire.payload]), padding: true, appendingTo: &output)
      output.append(UInt8(ascii: "\""))
    case .string:
      unsafe output.appendJSONString(UnsafeRawBufferPointer(rebasing: bytes[wire.payload]))
    default: writeNumber(wire.value, field)
    }
  }

  private mutating func writePacked(
    _ field: JSONField, _ bytes: UnsafeRawBufferPointer, _ payload: Range<Int>, continues: Bool
  ) throws(DecodeError) {
    var isFirst = !continues
    var reader = unsafe WireReader(bytes, payload)
    while unsafe !reader.isAtEnd {
      if !isFirst { separate() }
      isFirst = false
      switch field.type.wireType {
      case .varint: unsafe writeNumber(try reader.varint(), field)
      case .fixed32: unsafe writeNumber(try reader.fixed(4), field)
      default: unsafe writeNumber(try reader.fixed(8), field)
      }
    }
  }

  private mutating func writeNumber(_ value: UInt64, _ field: JSONField) {
    let signed = Int64(bitPattern: value)
    switch field.type {
    case .bool: append(value != 0 ? "true" : "false")
    case .int32, .sfixed32: append(Int64(Int32(truncatingIfNeeded: signed)))
    case .sint32:
      append(Int64(Int32(truncatingIfNeeded: Self.unzigzag(UInt64(UInt32(truncatingIfNeeded: value))))))
    case .uint32, .fixed32: append(Int64(UInt32(truncatingIfNeeded: value)))
    case .int64, .sfixed64: appendQuoted(signed)
    case .sint64: appendQuoted(Self.unzigzag(value))
    case .uint64, .fixed64:
      output.append(UInt8(ascii: "\""))
      output.appendDecimal(value)
      output.append(UInt8(ascii: "\""))
    case .float:
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: value))
      writeFloating(Double(float), "\(float)")
    case .double: writeFloating(Double(bitPattern: value), "\(Double(bitPattern: value))")
    case .enumeration:
      let number = Int32(truncatingIfNeeded: signed)
      if let name = field.enumeration?.nameBytes(of: number) {
        output.append(UInt8(ascii: "\""))
        output.append(contentsOf: name)
        output.append(UInt8(ascii: "\""))
      } else {
        append(Int64(number))
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
      output.append(contentsOf: text.utf8)
    }
  }

  // MARK: Maps

  /// Writes the entries of a map by ascending key; the last one of a key wins.
  private mutating func writeMap(
    _ descriptor: MessageDescriptor, _ index: Int, _ bytes: UnsafeRawBufferPointer, _ entries: [Range<Int>],
    _ isFirst: inout Bool, _ nestingLeft: Int
  ) throws(DecodeError) {
    guard let entry = descriptor.children[index], let keyIndex = entry.index(of: 1), let valueIndex = entry.index(of: 2)
    else { return }
    let field = entry.jsonFields[valueIndex]
    var texts: [[UInt8]: [UInt8]] = [:]
    for range in entries {
      var (key, value): (WireField?, WireField?) = (nil, nil)
      var reader = unsafe WireReader(bytes, range)
      while let part = unsafe try reader.next(nestingLeft: nestingLeft) {
        if part.number == 1, part.type == entry.jsonFields[keyIndex].type.wireType { key = part }
        if part.number == 2, part.type == field.type.wireType { value = part }
      }
      var writer = JSONWriter(indented: indented, types: types)
      writer.level = level + 1
      let none = WireField(number: 0, type: field.type.wireType, value: 0, payload: 0..<0, whole: 0..<0)
      unsafe try writer.writeValue(entry.jsonFields[keyIndex], nil, key ?? none, bytes, nestingLeft)
      var keyText = writer.output
      if keyText.first != UInt8(ascii: "\"") { keyText = [UInt8(ascii: "\"")] + keyText + [UInt8(ascii: "\"")] }
      writer.output = []
      unsafe try writer.writeValue(field, entry.children[valueIndex], value ?? none, bytes, nestingLeft - 1)
      texts[keyText] = writer.output
    }
    begin(descriptor.jsonFields[index], &isFirst)
    open(UInt8(ascii: "{"))
    var isFirstEntry = true
    for (key, value) in texts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      if !isFirstEntry { output.append(UInt8(ascii: ",")) }
      isFirstEntry = false
      newLine()
      output.append(contentsOf: key)
      append(indented ? ": " : ":")
      output.append(contentsOf: value)
    }
    close(UInt8(ascii: "}"), isEmpty: false)
  }

  // MARK: Messages with a form of their own

  private mutating func writeMoment(
    _ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(DecodeError) {
    var seconds: Int64 = 0
    var nanos: Int32 = 0
    var reader = unsafe WireReader(bytes, range)
    while let field = unsafe try reader.next(nestingLeft: 1) {
      guard field.type == .varint else { continue }
      if field.number == 1 { seconds = Int64(bitPattern: field.value) }
      if field.number == 2 { nanos = Int32(truncatingIfNeeded: Int64(bitPattern: field.value)) }
    }
    output.append(UInt8(ascii: "\""))
    let isWritten =
      descriptor.wellKnown == .timestamp
      ? WellKnownJSON.appendTimestamp(seconds: seconds, nanos: nanos, to: &output)
      : WellKnownJSON.appendDuration(seconds: seconds, nanos: nanos, to: &output)
    // A value outside the range has no JSON form; its numbers are shown rather than hidden.
    if !isWritten { output.append(contentsOf: "\(seconds)s \(nanos)ns".utf8) }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func writeAny(
    _ descriptor: MessageDescriptor, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, nestingLeft: Int
  ) throws(DecodeError) {
    guard anysLeft > 0 else { throw .nestedTooDeeply }
    var (url, value) = (0..<0, 0..<0)
    var reader = unsafe WireReader(bytes, range)
    while let field = unsafe try reader.next(nestingLeft: 1) {
      guard field.type == .lengthDelimited else { continue }
      if field.number == 1 { url = field.payload }
      if field.number == 2 { value = field.payload }
    }
    var isFirst = true
    open(UInt8(ascii: "{"))
    if !url.isEmpty || !value.isEmpty {
      let name = unsafe String(decoding: bytes[url], as: UTF8.self)
      guard let message = types.message(of: name) else { throw .unknownType(name) }
      anysLeft -= 1
      separate(&isFirst)
      append(indented ? "\"@type\": " : "\"@type\":")
      output.appendJSONString(name)
      // The bytes in an Any were not validated before.
      var validator = unsafe WireValidator(bytes, elementsMax: value.count)
      unsafe try validator.check(message, value, nestingLeft: nestingLeft)
      if message.wellKnown == nil {
        unsafe try writeMembers(message, bytes, value, isFirst: &isFirst, nestingLeft: nestingLeft - 1)
      } else {
        separate(&isFirst)
        append(indented ? "\"value\": " : "\"value\":")
        unsafe try write(message, bytes, value, nestingLeft: nestingLeft - 1)
      }
      anysLeft += 1
    }
    close(UInt8(ascii: "}"), isEmpty: isFirst)
  }

  static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }

  // MARK: Layout

  private mutating func append(_ text: StaticString) {
    unsafe output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private mutating func append(_ number: Int64) {
    if number < 0 { output.append(UInt8(ascii: "-")) }
    output.appendDecimal(number.magnitude)
  }

  private mutating func appendQuoted(_ number: Int64) {
    output.append(UInt8(ascii: "\""))
    append(number)
    output.append(UInt8(ascii: "\""))
  }

  private mutating func open(_ bracket: UInt8) {
    output.append(bracket)
    level += 1
  }

  private mutating func close(_ bracket: UInt8, isEmpty: Bool) {
    level -= 1
    if !isEmpty { newLine() }
    output.append(bracket)
  }

  private mutating func separate() {
    output.append(UInt8(ascii: ","))
    newLine()
  }

  private mutating func separate(_ isFirst: inout Bool) {
    if !isFirst { output.append(UInt8(ascii: ",")) }
    isFirst = false
    newLine()
  }

  private mutating func begin(_ field: JSONField, _ isFirst: inout Bool) {
    separate(&isFirst)
    output.append(contentsOf: field.key)
    if indented { output.append(UInt8(ascii: " ")) }
  }

  private mutating func newLine() {
    guard indented else { return }
    output.append(contentsOf: ("\n" + String(repeating: "  ", count: level)).utf8)
  }
}

extension DecodeLimits {
  /// The most levels of messages that are written as JSON, those within an `Any` included.
  static let jsonNestingMax = 64
}

extension [UInt8] {
  /// An encoded message's fields by ascending number, those of one number in order.
  fileprivate func fieldsInOrder(of descriptor: MessageDescriptor) throws(DecodeError) -> [UInt8] {
    unsafe try span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      var fields: [(index: Int, whole: Range<Int>)] = []
      var reader = unsafe WireReader(bytes, 0..<bytes.count)
      while let field = unsafe try reader.next(nestingLeft: DecodeLimits.jsonNestingMax) {
        if let index = descriptor.index(of: field.number) { fields.append((index, field.whole)) }
      }
      fields.sort { ($0.index, $0.whole.lowerBound) < ($1.index, $1.whole.lowerBound) }
      var ordered: [UInt8] = []
      ordered.reserveCapacity(bytes.count)
      for field in fields { unsafe ordered.append(contentsOf: bytes[field.whole]) }
      return ordered
    }
  }
}

/// Checks bytes against the schema before protobuf-c reads them.
///
/// Bytes that the format forbids are refused. Some valid bytes would be refused or misread by
/// protobuf-c: unknown fields and groups, a wire type other than the schema's, a repeated
/// occurrence of a singular message or of a oneof. They are reported as irregular, and
/// `WireNormaliser` rewrites them. List items are counted here against the schema's rules, before
/// memory for them is allocated.
@unsafe struct WireValidator {
  let bytes: UnsafeRawBufferPointer
  private var elementsLeft: Int
  private(set) var isIrregular = false
  /// Where items begin that hold unreadable text and are judged apart.
  private(set) var unreadableItems: Set<Int> = []

  init(_ bytes: UnsafeRawBufferPointer, elementsMax: Int) {
    unsafe self.bytes = bytes
    unsafe elementsLeft = elementsMax
  }

  mutating func check(_ descriptor: MessageDescriptor, _ range: Range<Int>, nestingLeft: Int) throws(DecodeError) {
    guard nestingLeft > 0 else { throw .nestedTooDeeply }
    var reader = unsafe WireReader(bytes, range)
    // One bit for each singular message field and each oneof member that has occurred. A message
    // with more than 64 of them counts as irregular.
    var seen: UInt64 = 0
    // Items by the index of the descriptor's fields; empty if no list has a limit.
    var itemCounts = descriptor.countsItems ? [Int](repeating: 0, count: descriptor.fields.count) : []
    while let field = unsafe try reader.next(nestingLeft: nestingLeft) {
      unsafe elementsLeft -= 1
      guard unsafe elementsLeft >= 0 else { throw .tooManyElements }
      guard let index = descriptor.index(of: field.number) else {
        unsafe isIrregular = true
        continue
      }
      let (type, isRepeated) = (descriptor.validatedFields[index].type, descriptor.validatedFields[index].isRepeated)
      if field.type != type.wireType {
        if field.type == .lengthDelimited && isRepeated && type.isPackable {
          let count = unsafe try checkPacked(type, field.payload)
          if !itemCounts.isEmpty { itemCounts[index] += count }
        } else {
          unsafe isIrregular = true
        }
        continue
      }
      if !isRepeated && descriptor.validatedFields[index].hasPresence {
        let bits = descriptor.validatedFields[index].presenceBits
        if bits == 0 || seen & bits != 0 { unsafe isIrregular = true }
        seen |= bits
      }
      if !itemCounts.isEmpty { itemCounts[index] += 1 }
      switch type {
      case .string:
        unsafe try checkText(UnsafeRawBufferPointer(rebasing: bytes[field.payload]), descriptor.fields[index].name)
      case .message:
        guard let child = descriptor.children[index] else {
          unsafe isIrregular = true
          continue
        }
        do throws(DecodeError) {
          unsafe try check(child, field.payload, nestingLeft: nestingLeft - 1)
        } catch {
          if descriptor.validatedFields[index].judgesItemsApart, error.isAboutText {
            unsafe isIrregular = true
            unsafe unreadableItems.insert(field.payload.lowerBound)
            continue
          }
          guard case .breaksRule(var violation) = error else { throw error }
          let place = isRepeated && !itemCounts.isEmpty ? "[\(itemCounts[index] - 1)]" : ""
          violation.path = "\(descriptor.fields[index].name)\(place).\(violation.path)"
          throw .breaksRule(violation)
        }
      default: break
      }
    }
    for (index, count) in itemCounts.enumerated() where descriptor.validatedFields[index].limitsItems {
      guard let rules = descriptor.fields[index].rules, !rules.allows(itemCount: count) else { continue }
      throw .breaksRule(
        FieldViolation(
          path: descriptor.fields[index].name, rule: "max_items", description: rules.itemsText(itemCount: count)))
    }
  }

  /// - Returns: The number of items.
  private mutating func checkPacked(_ type: FieldType, _ payload: Range<Int>) throws(DecodeError) -> Int {
    var count = 0
    switch type.wireType {
    case .fixed32:
      guard payload.count % 4 == 0 else { throw .truncated }
      count = payload.count / 4
    case .fixed64:
      guard payload.count % 8 == 0 else { throw .truncated }
      count = payload.count / 8
    default:
      var reader = unsafe WireReader(bytes, payload)
      while unsafe !reader.isAtEnd {
        _ = unsafe try reader.varint()
        count += 1
      }
    }
    unsafe elementsLeft -= count
    guard unsafe elementsLeft >= 0 else { throw .tooManyElements }
    return count
  }

  /// ASCII without NUL is checked eight bytes at a time; other text by full UTF-8 validation.
  private func checkText(_ text: UnsafeRawBufferPointer, _ field: @autoclosure () -> String) throws(DecodeError) {
    var offset = 0
    let highBits: UInt64 = 0x8080_8080_8080_8080
    let ones: UInt64 = 0x0101_0101_0101_0101
    while offset + 8 <= text.count {
      let word = unsafe text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      // With all high bits clear, subtracting one from each byte borrows exactly where a byte is
      // zero.
      guard (word | (word &- ones)) & highBits == 0 else { break }
      offset += 8
    }
    while offset < text.count, unsafe text[offset] < 0x80, unsafe text[offset] != 0 { offset += 1 }
    guard offset < text.count else { return }
    guard unsafe !text[offset...].contains(0) else { throw .containsNUL(field: field()) }
    let rest = unsafe UnsafeRawBufferPointer(rebasing: text[offset...])
    do { _ = unsafe try UTF8Span(validating: rest.bindMemory(to: UInt8.self).span) } catch {
      throw .invalidUTF8(field: field())
    }
  }
}

/// What the validator needs of a field: without references, because it reads one for each field of
/// a message.
struct ValidatedField: Sendable {
  let type: FieldType
  let isRepeated: Bool
  let hasPresence: Bool
  /// Its rules may refuse a number of items.
  let limitsItems: Bool
  let judgesItemsApart: Bool
  /// The bit of a field, together with those of its oneof's other members; 0 past 64 bits.
  let presenceBits: UInt64

  /// - Parameter index: Of the field in `fields`, those of its message.
  init(_ index: Int, of fields: [FieldDescriptor]) {
    let field = fields[index]
    (type, isRepeated, hasPresence) = (field.type, field.isRepeated, field.hasPresence)
    judgesItemsApart = field.rules?.judgesItemsApart ?? false
    limitsItems = field.rules.map { $0.maxItems > 0 } ?? false
    guard index < 64 else {
      presenceBits = 0
      return
    }
    var bits: UInt64 = 1 << UInt64(index)
    if let oneof = field.oneof {
      for (other, member) in fields.enumerated().prefix(64) where member.oneof == oneof { bits |= 1 << UInt64(other) }
    }
    presenceBits = bits
  }
}

extension DecodeError {
  fileprivate var isAboutText: Bool {
    switch self {
    case .invalidUTF8, .containsNUL: true
    default: false
    }
  }
}

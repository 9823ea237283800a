/// Rewrites valid bytes into bytes that every parser reads alike: known fields with the schema's
/// wire types only, every singular message once (its occurrences joined, which is the format's way
/// of merging), every oneof once (the last). Of an item that is judged apart and unreadable, only
/// the numbers.
@unsafe struct WireNormaliser {
  let bytes: UnsafeRawBufferPointer
  /// Where such items begin.
  let unreadableItems: Set<Int>

  init(_ bytes: UnsafeRawBufferPointer, unreadableItems: Set<Int> = []) {
    unsafe self.bytes = bytes
    unsafe self.unreadableItems = unreadableItems
  }

  /// Appends the message in `ranges` of the bytes (joined in order) to `output`.
  func append(_ descriptor: MessageDescriptor, _ ranges: [Range<Int>], to output: inout [UInt8], nestingLeft: Int)
    throws(DecodeError)
  {
    let isUnreadable = unsafe ranges.contains { unreadableItems.contains($0.lowerBound) }
    guard nestingLeft > 0 else { throw .nestedTooDeeply }
    var scalars: [Int: Range<Int>] = [:]
    var messages: [Int: [Range<Int>]] = [:]
    // The last member of each oneof in the bytes.
    var members: [Int: Int] = [:]
    for range in ranges {
      var reader = unsafe WireReader(bytes, range)
      while let field = unsafe try reader.next(nestingLeft: nestingLeft) {
        guard let index = descriptor.index(of: field.number) else { continue }
        let schema = descriptor.fields[index]
        let isPacked = field.type == .lengthDelimited && schema.isRepeated && schema.type.isPackable
        guard field.type == schema.type.wireType || isPacked else { continue }
        if isUnreadable, schema.isRepeated || field.type == .lengthDelimited { continue }
        if let oneof = schema.oneof, let earlier = members.updateValue(index, forKey: oneof), earlier != index {
          scalars[earlier] = nil
          messages[earlier] = nil
        }
        if schema.isRepeated {
          if schema.type == .message {
            unsafe try appendMessage(descriptor, index, [field.payload], to: &output, nestingLeft)
          } else {
            unsafe output.append(contentsOf: bytes[field.whole])
          }
        } else if schema.type == .message {
          messages[index, default: []].append(field.payload)
        } else {
          scalars[index] = field.whole
        }
      }
    }
    for (_, whole) in scalars.sorted(by: { $0.key < $1.key }) { unsafe output.append(contentsOf: bytes[whole]) }
    for (index, payloads) in messages.sorted(by: { $0.key < $1.key }) {
      unsafe try appendMessage(descriptor, index, payloads, to: &output, nestingLeft)
    }
  }

  private func appendMessage(
    _ descriptor: MessageDescriptor, _ index: Int, _ payloads: [Range<Int>], to output: inout [UInt8],
    _ nestingLeft: Int
  ) throws(DecodeError) {
    guard let child = descriptor.children[index] else { return }
    var inner: [UInt8] = []
    unsafe try append(child, payloads, to: &inner, nestingLeft: nestingLeft - 1)
    output.appendTag(descriptor.fields[index].number, .lengthDelimited)
    output.appendVarint(UInt64(inner.count))
    output.append(contentsOf: inner)
  }
}

extension [UInt8] {
  /// Appends a base-128 varint.
  mutating func appendVarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(truncatingIfNeeded: value))
  }

  /// Appends a field's tag.
  mutating func appendTag(_ number: UInt32, _ type: WireType) {
    appendVarint(UInt64(number) << 3 | UInt64(type.rawValue))
  }
}

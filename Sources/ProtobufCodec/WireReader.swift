/// The layout of a field's value. Source: Protocol Buffers, "Encoding", Message Structure.
public enum WireType: UInt8, Sendable {
  case varint = 0
  case fixed64 = 1
  case lengthDelimited = 2
  case startGroup = 3
  case endGroup = 4
  case fixed32 = 5
}

/// One field of the encoded bytes.
public struct WireField {
  public let number: UInt32
  public let type: WireType
  /// The value of a varint or fixed field.
  public let value: UInt64
  /// The range of a length-delimited field's payload (or of a group's content) in the reader's
  /// bytes.
  public let payload: Range<Int>
  /// The range of the whole field, with its tag.
  public let whole: Range<Int>
}

/// Reads the fields of one message in order, from bytes that it does not own.
@unsafe public struct WireReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var offset: Int
  private let end: Int

  /// Reads `range` of `bytes`.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    unsafe self.bytes = bytes
    unsafe offset = range.lowerBound
    unsafe end = range.upperBound
  }

  var isAtEnd: Bool { unsafe offset >= end }

  /// A varint of at most ten bytes; bits past the 64th are dropped.
  @inline(__always)
  mutating func varint() throws(DecodeError) -> UInt64 {
    guard unsafe offset < end else { throw .truncated }
    let first = unsafe bytes[offset]
    unsafe offset += 1
    if first < 0x80 { return UInt64(first) }
    var value = UInt64(first & 0x7F)
    var shift: UInt64 = 7
    while unsafe offset < end {
      let byte = unsafe bytes[offset]
      unsafe offset += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift >= 70 { throw .truncated }
    }
    throw .truncated
  }

  /// A little-endian value of `count` bytes.
  mutating func fixed(_ count: Int) throws(DecodeError) -> UInt64 {
    guard unsafe end - offset >= count else { throw .truncated }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(unsafe bytes[offset + index]) << UInt64(index * 8) }
    unsafe offset += count
    return value
  }

  /// The next field; nil at the end. A group is returned whole; its content is checked to be
  /// well-formed.
  ///
  /// - Parameter isSkipped: Whether the caller ignores the field. Its number may then be 0, as
  ///   Google's parsers allow it inside unknown groups.
  @inline(__always)
  mutating func next(nestingLeft: Int, isSkipped: Bool = false) throws(DecodeError) -> WireField? {
    guard unsafe !isAtEnd else { return nil }
    let start = unsafe offset
    let tag = unsafe try varint()
    // A tag is a 32-bit varint: field numbers end at 2^29 - 1.
    guard tag <= UInt64(UInt32.max), unsafe offset - start <= 5, let type = WireType(rawValue: UInt8(tag & 7)) else {
      throw .malformedTag
    }
    let number = UInt32(tag >> 3)
    guard number != 0 || isSkipped else { throw .malformedTag }
    switch type {
    case .varint:
      let value = unsafe try varint()
      return unsafe WireField(number: number, type: type, value: value, payload: offset..<offset, whole: start..<offset)
    case .fixed64:
      guard unsafe end - offset >= 8 else { throw .truncated }
      let value = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      unsafe offset += 8
      return unsafe WireField(number: number, type: type, value: value, payload: offset..<offset, whole: start..<offset)
    case .fixed32:
      guard unsafe end - offset >= 4 else { throw .truncated }
      let value = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      unsafe offset += 4
      return unsafe WireField(
        number: number, type: type, value: UInt64(value), payload: offset..<offset, whole: start..<offset)
    case .lengthDelimited:
      let count = unsafe try varint()
      guard unsafe count <= UInt64(end - offset) else { throw .truncated }
      let payload = unsafe offset..<offset + Int(count)
      unsafe offset = payload.upperBound
      return unsafe WireField(number: number, type: type, value: 0, payload: payload, whole: start..<offset)
    case .startGroup:
      let inside = unsafe try skipGroup(number, nestingLeft: nestingLeft - 1)
      return unsafe WireField(number: number, type: type, value: 0, payload: inside, whole: start..<offset)
    case .endGroup: throw .malformedTag
    }
  }

  /// Moves past the end-group tag of `number`.
  /// - Returns: The range of the group's content.
  private mutating func skipGroup(_ number: UInt32, nestingLeft: Int) throws(DecodeError) -> Range<Int> {
    guard nestingLeft > 0 else { throw .nestedTooDeeply }
    let start = unsafe offset
    while unsafe !isAtEnd {
      let fieldStart = unsafe offset
      let tag = unsafe try varint()
      if tag == UInt64(number) << 3 | UInt64(WireType.endGroup.rawValue) { return start..<fieldStart }
      unsafe offset = fieldStart
      _ = unsafe try next(nestingLeft: nestingLeft, isSkipped: true)
    }
    throw .truncated
  }
}

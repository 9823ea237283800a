/// A message read without a schema: the undecoded fields, by number.
///
/// For programs without a generated type for the message. The code generator reads the options of a
/// descriptor with it.
public struct WireMessage: Sendable {
  private var fields: [(number: UInt32, type: WireType, value: UInt64, payload: [UInt8])] = []

  /// Most levels of groups that are skipped.
  static let nestingMax = 32

  public init() {}

  /// Reads all fields.
  /// - Throws: `DecodeError` when the bytes are not well-formed.
  public init(_ bytes: [UInt8]) throws(DecodeError) {
    fields = unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(DecodeError) in
      var fields: [(number: UInt32, type: WireType, value: UInt64, payload: [UInt8])] = []
      var reader = unsafe WireReader(bytes, 0..<bytes.count)
      while let field = unsafe try reader.next(nestingLeft: Self.nestingMax) {
        unsafe fields.append((field.number, field.type, field.value, Array(bytes[field.payload])))
      }
      return fields
    }
  }

  /// The last value of a varint or fixed field; nil when absent.
  public func number(_ number: UInt32) -> UInt64? {
    fields.last { $0.number == number && $0.type != .lengthDelimited }?.value
  }

  /// The last value of a signed integer field; 0 when absent.
  ///
  /// - Parameter isZigzag: The field's type is sint32 or sint64.
  public func integer(_ number: UInt32, isZigzag: Bool) -> Int64 {
    let value = self.number(number) ?? 0
    return isZigzag ? Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) : Int64(bitPattern: value)
  }

  /// All values of a varint field, packed or not.
  public func numbers(_ number: UInt32) -> [UInt64] {
    fields.filter { $0.number == number }.flatMap { field -> [UInt64] in
      guard field.type == .lengthDelimited else { return [field.value] }
      return unsafe field.payload.withUnsafeBytes { bytes in
        var reader = unsafe WireReader(bytes, 0..<bytes.count)
        var values: [UInt64] = []
        while unsafe !reader.isAtEnd, let value = unsafe try? reader.varint() { values.append(value) }
        return values
      }
    }
  }

  /// All values of a fixed-width field of `width` bytes, packed or not.
  public func values(_ number: UInt32, width: Int) -> [UInt64] {
    fields.filter { $0.number == number }.flatMap { field -> [UInt64] in
      guard field.type == .lengthDelimited else { return [field.value] }
      return stride(from: 0, to: field.payload.count - width + 1, by: width).map { start in
        (0..<width).reduce(0) { $0 | UInt64(field.payload[start + $1]) << UInt64($1 * 8) }
      }
    }
  }

  /// The payloads of a length-delimited field, in order.
  public func payloads(_ number: UInt32) -> [[UInt8]] {
    fields.filter { $0.number == number && $0.type == .lengthDelimited }.map(\.payload)
  }

  /// The last string; empty when absent.
  public func string(_ number: UInt32) -> String {
    payloads(number).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// All strings, in order.
  public func strings(_ number: UInt32) -> [String] { payloads(number).map { String(decoding: $0, as: UTF8.self) } }

  /// The messages of a field, in order.
  public func messages(_ number: UInt32) throws(DecodeError) -> [WireMessage] {
    var messages: [WireMessage] = []
    for payload in payloads(number) { messages.append(try WireMessage(payload)) }
    return messages
  }

  /// The message of a singular field, its occurrences joined; empty when absent.
  public func message(_ number: UInt32) throws(DecodeError) -> WireMessage {
    try WireMessage(payloads(number).flatMap { $0 })
  }

  /// The encoded message without the fields of one number.
  public func encoded(without number: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in fields where field.number != number {
      bytes.appendTag(field.number, field.type)
      switch field.type {
      case .varint: bytes.appendVarint(field.value)
      case .fixed32: for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: field.value >> UInt64(shift * 8))) }
      case .fixed64: for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: field.value >> UInt64(shift * 8))) }
      case .lengthDelimited:
        bytes.appendVarint(UInt64(field.payload.count))
        bytes.append(contentsOf: field.payload)
      case .startGroup:
        bytes.append(contentsOf: field.payload)
        bytes.appendTag(field.number, .endGroup)
      case .endGroup: break
      }
    }
    return bytes
  }
}

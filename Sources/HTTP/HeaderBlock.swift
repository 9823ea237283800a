/// Header fields to send, in order, their bytes in one buffer.
public struct HeaderBlock: Sendable {
  /// Where one field lies in `bytes`: the name, directly followed by the value.
  package struct Field: Sendable {
    package let start: Int
    package let nameCount: Int
    package let valueCount: Int
  }

  /// What each field adds to the size of a header list. Source: RFC 9113, section 6.5.2.
  public static let fieldOverheadBytes = 32

  package private(set) var fields: [Field] = []
  package private(set) var bytes: [UInt8] = []

  public init() {}

  /// Appends a field. Names must be lower case and values without CR, LF and NUL.
  public mutating func append(name: String, value: String) {
    fields.append(Field(start: bytes.count, nameCount: name.utf8.count, valueCount: value.utf8.count))
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: value.utf8)
  }

  /// Appends all fields of another block.
  public mutating func append(_ other: HeaderBlock) {
    let offset = bytes.count
    bytes.append(contentsOf: other.bytes)
    for field in other.fields {
      fields.append(Field(start: offset + field.start, nameCount: field.nameCount, valueCount: field.valueCount))
    }
  }

  public var isEmpty: Bool { fields.isEmpty }

  /// Visits every field, in order.
  public func forEach(_ body: (_ name: String, _ value: String) -> Void) {
    for field in fields {
      let valueStart = field.start + field.nameCount
      body(
        String(decoding: bytes[field.start..<valueStart], as: UTF8.self),
        String(decoding: bytes[valueStart..<valueStart + field.valueCount], as: UTF8.self))
    }
  }

  /// The fields but those called `name`.
  public func without(_ name: String) -> HeaderBlock {
    var rest = HeaderBlock()
    forEach { if $0 != name { rest.append(name: $0, value: $1) } }
    return rest
  }

  /// Size of the list as RFC 9113 section 6.5.2 counts it.
  public var listBytes: Int { bytes.count + fields.count * Self.fieldOverheadBytes }
}

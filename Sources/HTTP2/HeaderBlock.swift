internal import CNghttp2

/// Header fields to send, in order, their bytes in one buffer.
public struct HeaderBlock: Sendable {
  private struct Field {
    let start: Int
    let nameCount: Int
    let valueCount: Int
  }

  /// What each field adds to the size of a header list. Source: RFC 9113, section 6.5.2.
  public static let fieldOverheadBytes = 32

  private var fields: [Field] = []
  private var bytes: [UInt8] = []

  public init() {}

  /// Appends a field. Names must be lower case and values without CR, LF and NUL: nghttp2 refuses
  /// others.
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

  /// Size of the list as RFC 9113 section 6.5.2 counts it.
  public var listBytes: Int { bytes.count + fields.count * Self.fieldOverheadBytes }

  /// Lends the fields in C's form. nghttp2 copies them: the form dies with `body`.
  func withNameValues<Result>(_ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result) -> Result {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      let base = unsafe UnsafeMutablePointer(mutating: buffer.baseAddress)
      let pairs = unsafe fields.map { field in
        unsafe nghttp2_nv(
          name: base?.advanced(by: field.start), value: base?.advanced(by: field.start + field.nameCount),
          namelen: field.nameCount, valuelen: field.valueCount, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
      }
      return unsafe pairs.withUnsafeBufferPointer { unsafe body($0) }
    }
  }
}

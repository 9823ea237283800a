/// The header fields of one message in the order they came, their bytes in one buffer.
public struct HeaderBlock: Sendable {
  /// Where one field lies in `bytes`: the name, directly followed by the value.
  public struct Field: Sendable {
    let start: Int
    /// Bytes of the name.
    public let nameCount: Int
    /// Bytes of the value.
    public let valueCount: Int
  }

  /// What each field adds to the size of the list. Source: RFC 9113, section 6.5.2.
  public static let fieldOverheadBytes = 32

  /// The fields, in order.
  public private(set) var fields: [Field] = []
  /// Size of the list as RFC 9113 section 6.5.2 counts it.
  public private(set) var listBytes = 0
  private var bytes: [UInt8] = []

  public init() {}

  /// Removes all fields and keeps the memory.
  mutating func removeAll() {
    fields.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    listBytes = 0
  }

  /// Appends a field from C memory.
  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    fields.append(Field(start: bytes.count, nameCount: name.count, valueCount: value.count))
    unsafe bytes.append(contentsOf: name)
    unsafe bytes.append(contentsOf: value)
    listBytes += name.count + value.count + Self.fieldOverheadBytes
  }

  /// Appends a field. Names must be lower case and values without CR, LF and NUL: nghttp2 refuses others.
  public mutating func append(name: String, value: String) {
    append(name: Array(name.utf8), value: Array(value.utf8))
  }

  /// Appends a field.
  public mutating func append(name: [UInt8], value: [UInt8]) {
    fields.append(Field(start: bytes.count, nameCount: name.count, valueCount: value.count))
    bytes.append(contentsOf: name)
    bytes.append(contentsOf: value)
    listBytes += name.count + value.count + Self.fieldOverheadBytes
  }

  /// Lends the bytes of a field's name and value.
  @inline(__always)
  public func withBytes<Result, Failure: Error>(
    of field: Field, _ body: (_ name: RawSpan, _ value: RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let all = unsafe bytes.span.bytes
    let valueStart = field.start + field.nameCount
    return try body(
      all.extracting(field.start..<valueStart), all.extracting(valueStart..<valueStart + field.valueCount))
  }

  /// The first value of the field called `name` (lower case); bytes that are not UTF-8 are replaced.
  public func firstValue(_ name: String) -> String? {
    for field in fields where field.nameCount == name.utf8.count && self.name(of: field) == name {
      return value(of: field)
    }
    return nil
  }

  /// All values of the field called `name` (lower case), in order.
  public func values(_ name: String) -> [String] {
    fields.compactMap { field in
      field.nameCount == name.utf8.count && self.name(of: field) == name ? value(of: field) : nil
    }
  }

  /// The name of a field.
  public func name(of field: Field) -> String {
    String(decoding: bytes[field.start..<field.start + field.nameCount], as: UTF8.self)
  }

  /// The value of a field; bytes that are not UTF-8 are replaced.
  public func value(of field: Field) -> String {
    let start = field.start + field.nameCount
    return String(decoding: bytes[start..<start + field.valueCount], as: UTF8.self)
  }

  /// Lends the whole buffer for handing the fields to C.
  func withUnsafeBuffer<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    unsafe bytes.withUnsafeBufferPointer { buffer in unsafe body(buffer) }
  }
}

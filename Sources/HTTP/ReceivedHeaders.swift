/// The header fields of a received message, in the order they came. Loop-confined, and reused with
/// its stream.
///
/// The bytes lie in plain memory: a list is filled field by field on every request, and checks of
/// array uniqueness and bounds for each were measurable.
@safe public final class ReceivedHeaders {
  /// Where one field lies: the name, directly followed by the value.
  public struct Field: Sendable {
    let start: Int
    /// Bytes of the name.
    public let nameCount: Int
    /// Bytes of the value.
    public let valueCount: Int
  }

  /// The fields, in order.
  public private(set) var fields: [Field] = []
  /// Size of the list as RFC 9113 section 6.5.2 counts it.
  public private(set) var listBytes = 0
  // Invariant: the first `count` of `capacity` bytes at `storage` are initialised. Only `append`
  // and `removeAll` write.
  private var storage: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var count = 0

  /// Bytes allocated at first, and kept for the next use.
  private static let keptBytes = 512

  /// Fields for which there is room after the list was emptied.
  private static let keptFields = 32

  /// Bytes allocated beyond what is kept.
  package var heldBytes: Int {
    (capacity > Self.keptBytes ? capacity : 0)
      + (fields.capacity > Self.keptFields ? fields.capacity * MemoryLayout<Field>.stride : 0)
  }

  package init() {
    capacity = Self.keptBytes
    unsafe storage = .allocate(capacity: Self.keptBytes)
  }

  deinit { unsafe storage.deallocate() }

  /// Removes all fields.
  package func removeAll() {
    guard count > 0 else { return }
    fields.removeAll(keepingCapacity: fields.capacity <= Self.keptFields)
    listBytes = 0
    count = 0
    guard capacity > Self.keptBytes else { return }
    unsafe storage.deallocate()
    capacity = Self.keptBytes
    unsafe storage = .allocate(capacity: capacity)
  }

  /// Appends a field from C memory.
  package func append(name: UnsafePointer<UInt8>, nameCount: Int, value: UnsafePointer<UInt8>, valueCount: Int) {
    let end = count + nameCount + valueCount
    if end > capacity { grow(to: end) }
    unsafe (storage + count).update(from: name, count: nameCount)
    unsafe (storage + count + nameCount).update(from: value, count: valueCount)
    fields.append(Field(start: count, nameCount: nameCount, valueCount: valueCount))
    count = end
    listBytes += nameCount + valueCount + HeaderBlock.fieldOverheadBytes
  }

  private func grow(to needed: Int) {
    let larger = max(needed, capacity * 2)
    let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    unsafe moved.update(from: storage, count: count)
    unsafe storage.deallocate()
    unsafe storage = moved
    capacity = larger
  }

  /// Lends the bytes of a field's name and value.
  @inline(__always)
  public func withBytes<Result>(of field: Field, _ body: (_ name: RawSpan, _ value: RawSpan) -> Result) -> Result {
    let name = unsafe UnsafeRawBufferPointer(start: storage + field.start, count: field.nameCount)
    let value = unsafe UnsafeRawBufferPointer(
      start: storage + field.start + field.nameCount, count: field.valueCount)
    return unsafe body(name.bytes, value.bytes)
  }

  /// The first value of the field called `name` (lower case); bytes that are not UTF-8 are
  /// replaced.
  public func firstValue(_ name: String) -> String? {
    fields.first { $0.nameCount == name.utf8.count && self.name(of: $0) == name }.map { value(of: $0) }
  }

  /// The value of the field called `name` (lower case); nil when there is none, or more than one.
  public func onlyValue(_ name: String) -> String? {
    let named = fields.lazy.filter { $0.nameCount == name.utf8.count && self.name(of: $0) == name }.prefix(2)
    return named.count == 1 ? named.first.map { value(of: $0) } : nil
  }

  /// Whether they are those of an interim response (status 1xx), which another list follows.
  /// Source: RFC 9113, section 8.1.
  package var isInformational: Bool { firstValue(":status")?.hasPrefix("1") == true }

  /// The name of a field.
  public func name(of field: Field) -> String {
    unsafe String(
      decoding: UnsafeBufferPointer(start: storage + field.start, count: field.nameCount), as: UTF8.self)
  }

  /// The value of a field; bytes that are not UTF-8 are replaced.
  public func value(of field: Field) -> String {
    unsafe String(
      decoding: UnsafeBufferPointer(start: storage + field.start + field.nameCount, count: field.valueCount),
      as: UTF8.self)
  }
}

/// One value's binary form, lent. Each reader returns nil when length or content does not fit the
/// type.
///
/// Source: the `*_send` functions of PostgreSQL; integers are big-endian.
@safe struct Cell {
  private let content: UnsafeRawBufferPointer

  init(bytes: UnsafeRawBufferPointer) { unsafe content = bytes }

  func integer<Value: FixedWidthInteger>() -> Value? {
    guard unsafe content.count == MemoryLayout<Value>.size else { return nil }
    return unsafe Value(bigEndian: content.loadUnaligned(as: Value.self))
  }

  func bool() -> Bool? {
    guard unsafe content.count == 1 else { return nil }
    return unsafe content[0] != 0
  }

  func double() -> Double? {
    let pattern: UInt64? = integer()
    return pattern.map(Double.init(bitPattern:))
  }

  func string() -> String? {
    // Most texts are empty, and the standard library's check is not specialized for raw bytes.
    guard unsafe !content.isEmpty else { return "" }
    return unsafe content.withMemoryRebound(to: UInt8.self) { unsafe String(validating: $0, as: UTF8.self) }
  }

  /// `jsonb` is sent as its text after a version number, which is 1.
  func jsonb() -> String? {
    guard unsafe content.first == 1 else { return nil }
    return unsafe Cell(bytes: UnsafeRawBufferPointer(rebasing: content.dropFirst())).string()
  }

  func bytes() -> [UInt8]? { unsafe content.isEmpty ? [] : [UInt8](content) }

  func uuid() -> PostgresUUID? {
    guard unsafe content.count == 16 else { return nil }
    return unsafe PostgresUUID(
      high: UInt64(bigEndian: content.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: content.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }

  func timestamp() -> Int64? {
    guard let shifted: Int64 = integer(), shifted != .min, shifted != .max else { return nil }
    let (value, overflow) = shifted.addingReportingOverflow(PostgresType.epochMicroseconds)
    return overflow ? nil : value
  }

  func day() -> Int32? {
    guard let shifted: Int32 = integer(), shifted != .min, shifted != .max else { return nil }
    let (value, overflow) = shifted.addingReportingOverflow(PostgresType.epochDays)
    return overflow ? nil : value
  }

  /// An array of at most one dimension whose elements are of type `type`.
  func array<Value>(of type: PostgresType, _ element: (Cell) -> Value?) -> [Value?]? {
    var rest = unsafe content
    func take(_ count: Int) -> Cell? {
      guard count >= 0, count <= rest.count else { return nil }
      defer { unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
      return unsafe Cell(bytes: UnsafeRawBufferPointer(rebasing: rest[..<count]))
    }
    func takeInt32() -> Int32? { take(4)?.integer() }
    guard let dimensions = takeInt32(), takeInt32() != nil, let found = takeInt32() else { return nil }
    guard UInt32(bitPattern: found) == type.rawValue else { return nil }
    if dimensions == 0 { return unsafe rest.isEmpty ? [] : nil }
    guard dimensions == 1, let count = takeInt32(), count >= 0, takeInt32() != nil else { return nil }
    var values: [Value?] = []
    // Every element takes at least the 4 bytes of its length: a count above that is malformed.
    guard Int(count) <= rest.count / 4 else { return nil }
    values.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let length = takeInt32() else { return nil }
      if length == -1 {
        values.append(nil)
      } else {
        guard let cell = take(Int(length)), let value = element(cell) else { return nil }
        values.append(value)
      }
    }
    return unsafe rest.isEmpty ? values : nil
  }
}

/// A parameter of a statement; nil is NULL of that type.
///
/// The case decides the parameter's type on the server, so a statement must be called with the same
/// cases every time.
public enum PostgresValue: Sendable, Equatable {
  case bool(Bool?)
  /// `int2`
  case int16(Int16?)
  /// `int4`
  case int32(Int32?)
  /// `int8`
  case int64(Int64?)
  /// `float8`
  case double(Double?)
  /// `text`. The server refuses a NUL character.
  case string(String?)
  /// `json`, which PostgreSQL also takes for a `jsonb` column.
  case json(String?)
  /// `bytea`
  case bytes([UInt8]?)
  case uuid(PostgresUUID?)
  /// `timestamptz`: microseconds since 1970-01-01T00:00:00Z.
  case timestamp(Int64?)
  /// `date`: days since 1970-01-01.
  case day(Int32?)

  case boolArray([Bool?])
  case int16Array([Int16?])
  case int32Array([Int32?])
  case int64Array([Int64?])
  case doubleArray([Double?])
  case stringArray([String?])
  case jsonArray([String?])
  case bytesArray([[UInt8]?])
  case uuidArray([PostgresUUID?])
  case timestampArray([Int64?])
  case dayArray([Int32?])
}

extension PostgresValue {
  /// The parameter's type for the server.
  var type: PostgresType {
    switch self {
    case .bool: .bool
    case .int16: .int2
    case .int32: .int4
    case .int64: .int8
    case .double: .float8
    case .string: .text
    case .json: .json
    case .bytes: .bytea
    case .uuid: .uuid
    case .timestamp: .timestamptz
    case .day: .date
    case .boolArray: .boolArray
    case .int16Array: .int2Array
    case .int32Array: .int4Array
    case .int64Array: .int8Array
    case .doubleArray: .float8Array
    case .stringArray: .textArray
    case .jsonArray: .jsonArray
    case .bytesArray: .byteaArray
    case .uuidArray: .uuidArray
    case .timestampArray: .timestamptzArray
    case .dayArray: .dateArray
    }
  }

  /// Appends the binary form.
  /// - Returns: false for NULL, which has none.
  /// - Throws: `ValueOutOfRange` for a time or day PostgreSQL cannot hold.
  func encode(to bytes: inout [UInt8]) throws(ValueOutOfRange) -> Bool {
    switch self {
    case .bool(let value): return try bytes.append(optional: value) { $0.append($1 ? 1 : 0) }
    case .int16(let value): return try bytes.append(optional: value) { $0.append(bigEndian: $1) }
    case .int32(let value): return try bytes.append(optional: value) { $0.append(bigEndian: $1) }
    case .int64(let value): return try bytes.append(optional: value) { $0.append(bigEndian: $1) }
    case .double(let value): return try bytes.append(optional: value) { $0.append(bigEndian: $1.bitPattern) }
    case .string(let value), .json(let value):
      return try bytes.append(optional: value) { $0.append(contentsOf: $1.utf8) }
    case .bytes(let value): return try bytes.append(optional: value) { $0.append(contentsOf: $1) }
    case .uuid(let value): return try bytes.append(optional: value) { $0.append($1) }
    case .timestamp(let value):
      return try bytes.append(optional: value) { bytes, value throws(ValueOutOfRange) in
        try bytes.append(timestamp: value)
      }
    case .day(let value):
      return try bytes.append(optional: value) { bytes, value throws(ValueOutOfRange) in try bytes.append(day: value) }
    case .boolArray(let values): try bytes.append(array: values, of: .bool) { $0.append($1 ? 1 : 0) }
    case .int16Array(let values): try bytes.append(array: values, of: .int2) { $0.append(bigEndian: $1) }
    case .int32Array(let values): try bytes.append(array: values, of: .int4) { $0.append(bigEndian: $1) }
    case .int64Array(let values): try bytes.append(array: values, of: .int8) { $0.append(bigEndian: $1) }
    case .doubleArray(let values): try bytes.append(array: values, of: .float8) { $0.append(bigEndian: $1.bitPattern) }
    case .stringArray(let values): try bytes.append(array: values, of: .text) { $0.append(contentsOf: $1.utf8) }
    case .jsonArray(let values): try bytes.append(array: values, of: .json) { $0.append(contentsOf: $1.utf8) }
    case .bytesArray(let values): try bytes.append(array: values, of: .bytea) { $0.append(contentsOf: $1) }
    case .uuidArray(let values): try bytes.append(array: values, of: .uuid) { $0.append($1) }
    case .timestampArray(let values):
      try bytes.append(array: values, of: .timestamptz) { bytes, value throws(ValueOutOfRange) in
        try bytes.append(timestamp: value)
      }
    case .dayArray(let values):
      try bytes.append(array: values, of: .date) { bytes, value throws(ValueOutOfRange) in try bytes.append(day: value)
      }
    }
    return true
  }
}

/// A time or day outside of PostgreSQL's type.
struct ValueOutOfRange: Error {}

extension [UInt8] {
  fileprivate mutating func append<Value>(
    optional value: Value?, _ encode: (inout [UInt8], Value) throws(ValueOutOfRange) -> Void
  ) throws(ValueOutOfRange) -> Bool {
    guard let value else { return false }
    try encode(&self, value)
    return true
  }

  /// Source: `array_send` in PostgreSQL: dimensions, has-NULL flag, element type, then per
  /// dimension its length and lower bound, then per element its length (-1 for NULL) and bytes.
  fileprivate mutating func append<Value>(
    array values: [Value?], of type: PostgresType, _ encode: (inout [UInt8], Value) throws(ValueOutOfRange) -> Void
  ) throws(ValueOutOfRange) {
    append(bigEndian: Int32(values.isEmpty ? 0 : 1))
    append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
    append(bigEndian: type.rawValue)
    guard !values.isEmpty else { return }
    guard let count = Int32(exactly: values.count) else { throw ValueOutOfRange() }
    append(bigEndian: count)
    append(bigEndian: Int32(1))
    for value in values {
      guard let value else {
        append(bigEndian: Int32(-1))
        continue
      }
      let start = self.count
      append(bigEndian: Int32(0))
      try encode(&self, value)
      guard let length = UInt32(exactly: self.count - start - 4) else { throw ValueOutOfRange() }
      for byte in 0..<4 { self[start + byte] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * byte)) }
    }
  }

  fileprivate mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
    unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
  }

  fileprivate mutating func append(_ uuid: PostgresUUID) {
    append(bigEndian: uuid.high)
    append(bigEndian: uuid.low)
  }

  fileprivate mutating func append(timestamp value: Int64) throws(ValueOutOfRange) {
    let (shifted, overflow) = value.subtractingReportingOverflow(PostgresType.epochMicroseconds)
    // The type's extremes mean infinity and -infinity.
    guard !overflow, shifted != .min, shifted != .max else { throw ValueOutOfRange() }
    append(bigEndian: shifted)
  }

  fileprivate mutating func append(day value: Int32) throws(ValueOutOfRange) {
    let (shifted, overflow) = value.subtractingReportingOverflow(PostgresType.epochDays)
    guard !overflow, shifted != .min, shifted != .max else { throw ValueOutOfRange() }
    append(bigEndian: shifted)
  }
}

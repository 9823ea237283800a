/// One-dimensional arrays. `[Value?]` keeps NULL elements. A NULL array is an error here:
/// statements use `coalesce` or `not null`.
extension Row {
  public func boolArray(_ column: Int) throws(DatabaseError) -> [Bool?] {
    try array(column, .boolArray, of: .bool) { $0.bool() }
  }

  public func int16Array(_ column: Int) throws(DatabaseError) -> [Int16?] {
    try array(column, .int2Array, of: .int2) { $0.integer() }
  }

  public func int32Array(_ column: Int) throws(DatabaseError) -> [Int32?] {
    try array(column, .int4Array, of: .int4) { $0.integer() }
  }

  public func int64Array(_ column: Int) throws(DatabaseError) -> [Int64?] {
    try array(column, .int8Array, of: .int8) { $0.integer() }
  }

  public func doubleArray(_ column: Int) throws(DatabaseError) -> [Double?] {
    try array(column, .float8Array, of: .float8) { $0.double() }
  }

  public func stringArray(_ column: Int) throws(DatabaseError) -> [String?] {
    try array(column, .textArray, of: .text) { $0.string() }
  }

  public func jsonArray(_ column: Int) throws(DatabaseError) -> [String?] {
    try array(column, .jsonArray, of: .json) { $0.string() }
  }

  public func bytesArray(_ column: Int) throws(DatabaseError) -> [[UInt8]?] {
    try array(column, .byteaArray, of: .bytea) { $0.bytes() }
  }

  public func uuidArray(_ column: Int) throws(DatabaseError) -> [PostgresUUID?] {
    try array(column, .uuidArray, of: .uuid) { $0.uuid() }
  }

  /// Microseconds since 1970-01-01T00:00:00Z.
  public func timestampArray(_ column: Int) throws(DatabaseError) -> [Int64?] {
    try array(column, .timestamptzArray, of: .timestamptz) { $0.timestamp() }
  }

  /// Days since 1970-01-01.
  public func dayArray(_ column: Int) throws(DatabaseError) -> [Int32?] {
    try array(column, .dateArray, of: .date) { $0.day() }
  }

  private func array<Value>(
    _ column: Int, _ type: PostgresType, of elementType: PostgresType, _ element: (Cell) -> Value?
  ) throws(DatabaseError) -> [Value?] {
    try required(decode(column, type) { $0.array(of: elementType, element) }, column)
  }
}

internal import CLibpq

/// One row of an answer, lent to a closure. Columns count from 0; each accessor names the type it
/// expects.
///
/// Every accessor throws `.undecodable`: a missing column, another type, a wrong length, or NULL
/// where the name does not end in `OrNull`.
@safe public struct Row: ~Copyable {
  private let result: OpaquePointer  // PGresult *, owned by the QueryResult that lends this row
  private let index: Int32

  init(result: OpaquePointer, index: Int32) {
    unsafe self.result = result
    self.index = index
  }

  public func bool(_ column: Int) throws(DatabaseError) -> Bool { try required(boolOrNull(column), column) }
  public func boolOrNull(_ column: Int) throws(DatabaseError) -> Bool? {
    try decode(column, .bool) { $0.bool() }
  }

  /// `int2`
  public func int16(_ column: Int) throws(DatabaseError) -> Int16 { try required(int16OrNull(column), column) }
  public func int16OrNull(_ column: Int) throws(DatabaseError) -> Int16? {
    try decode(column, .int2) { $0.integer() }
  }

  /// `int4`
  public func int32(_ column: Int) throws(DatabaseError) -> Int32 { try required(int32OrNull(column), column) }
  public func int32OrNull(_ column: Int) throws(DatabaseError) -> Int32? {
    try decode(column, .int4) { $0.integer() }
  }

  /// `int8`
  public func int64(_ column: Int) throws(DatabaseError) -> Int64 { try required(int64OrNull(column), column) }
  public func int64OrNull(_ column: Int) throws(DatabaseError) -> Int64? {
    try decode(column, .int8) { $0.integer() }
  }

  /// `float8`
  public func double(_ column: Int) throws(DatabaseError) -> Double { try required(doubleOrNull(column), column) }
  public func doubleOrNull(_ column: Int) throws(DatabaseError) -> Double? {
    try decode(column, .float8) { $0.double() }
  }

  /// `text`, `varchar`, `char(n)`, `name`, `json` or `jsonb`.
  public func string(_ column: Int) throws(DatabaseError) -> String { try required(stringOrNull(column), column) }
  public func stringOrNull(_ column: Int) throws(DatabaseError) -> String? {
    switch try type(of: column) {
    case .text, .varchar, .json, .name, .bpchar: try decode(column) { $0.string() }
    case .jsonb: try decode(column) { $0.jsonb() }
    case let other: throw .undecodable(.unexpectedType(column: column, found: other.rawValue))
    }
  }

  /// `bytea`
  public func bytes(_ column: Int) throws(DatabaseError) -> [UInt8] { try required(bytesOrNull(column), column) }
  public func bytesOrNull(_ column: Int) throws(DatabaseError) -> [UInt8]? {
    try decode(column, .bytea) { $0.bytes() }
  }

  public func uuid(_ column: Int) throws(DatabaseError) -> PostgresUUID { try required(uuidOrNull(column), column) }
  public func uuidOrNull(_ column: Int) throws(DatabaseError) -> PostgresUUID? {
    try decode(column, .uuid) { $0.uuid() }
  }

  /// `timestamptz`: microseconds since 1970-01-01T00:00:00Z. Infinity is malformed.
  public func timestamp(_ column: Int) throws(DatabaseError) -> Int64 { try required(timestampOrNull(column), column) }
  public func timestampOrNull(_ column: Int) throws(DatabaseError) -> Int64? {
    try decode(column, .timestamptz) { $0.timestamp() }
  }

  /// `date`: days since 1970-01-01. Infinity is malformed.
  public func day(_ column: Int) throws(DatabaseError) -> Int32 { try required(dayOrNull(column), column) }
  public func dayOrNull(_ column: Int) throws(DatabaseError) -> Int32? {
    try decode(column, .date) { $0.day() }
  }

  /// The column's value if it is of type `type`; nil is NULL.
  func decode<Value>(_ column: Int, _ type: PostgresType, _ body: (Cell) -> Value?) throws(DatabaseError) -> Value? {
    let found = try self.type(of: column)
    guard found == type else { throw .undecodable(.unexpectedType(column: column, found: found.rawValue)) }
    return try decode(column, body)
  }

  func required<Value>(_ value: Value?, _ column: Int) throws(DatabaseError) -> Value {
    guard let value else { throw .undecodable(.unexpectedNull(column: column)) }
    return value
  }

  private func type(of column: Int) throws(DatabaseError) -> PostgresType {
    // libpq answers 0 for a column that does not exist.
    guard let number = Int32(exactly: column), case let type = unsafe PQftype(result, number), type != 0 else {
      throw .undecodable(.missingColumn(column: column))
    }
    return PostgresType(rawValue: type)
  }

  /// The caller has checked the column's type with `type(of:)`.
  private func decode<Value>(_ column: Int, _ body: (Cell) -> Value?) throws(DatabaseError) -> Value? {
    let number = Int32(column)
    let length = unsafe PQgetlength(result, index, number)
    guard unsafe length > 0 || PQgetisnull(result, index, number) == 0 else { return nil }
    let bytes = unsafe UnsafeRawBufferPointer(start: PQgetvalue(result, index, number), count: Int(length))
    guard let value = unsafe body(Cell(bytes: bytes)) else { throw .undecodable(.malformedValue(column: column)) }
    return value
  }
}

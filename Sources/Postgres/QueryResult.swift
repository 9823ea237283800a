internal import CLibpq

/// One statement's answer: its rows in binary form. Owns one libpq result, freed exactly once.
@safe public struct QueryResult: ~Copyable {
  private let handle: OpaquePointer  // PGresult *

  /// Takes ownership: from here on only `deinit` may clear `handle`.
  init(owning handle: OpaquePointer) { unsafe self.handle = handle }
  deinit { unsafe PQclear(handle) }

  public var rowCount: Int { unsafe Int(PQntuples(handle)) }

  /// Rows inserted, updated, deleted or selected, as the server counts them; 0 for other
  /// statements.
  public var affectedRowCount: Int {
    guard let text = unsafe PQcmdTuples(handle) else { return 0 }
    return Int(unsafe String(cString: text)) ?? 0
  }

  /// The server's command tag, such as `COMMIT` or `INSERT 0 1`.
  var commandTag: String {
    unsafe PQcmdStatus(handle).map { unsafe String(cString: $0) } ?? ""
  }

  var status: ExecStatusType { unsafe PQresultStatus(handle) }

  /// A field of an error report. Source: libpq's `PG_DIAG_*`, the protocol's "Error and Notice
  /// Message Fields".
  enum DiagnosticField: UInt8 {
    case severity = 0x56  // V, not localized
    case sqlState = 0x43  // C
    case message = 0x4D  // M
    case detail = 0x44  // D
    case constraint = 0x6E  // n
    case sourceFunction = 0x52  // R
  }

  func field(_ field: DiagnosticField) -> String? {
    unsafe PQresultErrorField(handle, Int32(field.rawValue)).map { unsafe String(cString: $0) }
  }

  /// The first row's columns, of a result in text form.
  var textRow: [String?] {
    guard rowCount > 0 else { return [] }
    return (0..<(unsafe PQnfields(handle))).map { column in
      guard unsafe PQgetisnull(handle, 0, column) == 0 else { return nil }
      return unsafe String(cString: PQgetvalue(handle, 0, column))
    }
  }

  /// Every row's value, in the server's order.
  public func map<Value>(
    _ decode: (borrowing Row) throws(DatabaseError) -> Value
  ) throws(DatabaseError) -> [Value] {
    let count = rowCount
    var values: [Value] = []
    values.reserveCapacity(count)
    for index in 0..<count { try unsafe values.append(decode(Row(result: handle, index: Int32(index)))) }
    return values
  }

  /// Lends one row after the other, in the server's order, until `body` returns false.
  public func prefix(_ body: (borrowing Row) throws(DatabaseError) -> Bool) throws(DatabaseError) {
    for index in 0..<rowCount {
      guard try unsafe body(Row(result: handle, index: Int32(index))) else { return }
    }
  }

  /// The only row's value; nil when there is no row.
  /// - Throws: `.undecodable(.unexpectedRowCount)` when there are several.
  public func first<Value>(
    _ decode: (borrowing Row) throws(DatabaseError) -> Value
  ) throws(DatabaseError) -> Value? {
    let count = rowCount
    guard count > 0 else { return nil }
    guard count == 1 else { throw .undecodable(.unexpectedRowCount(found: count)) }
    return try unsafe decode(Row(result: handle, index: 0))
  }

  /// The only row's value.
  /// - Throws: `.undecodable(.unexpectedRowCount)` unless there is exactly one row.
  public func one<Value>(
    _ decode: (borrowing Row) throws(DatabaseError) -> Value
  ) throws(DatabaseError) -> Value {
    guard rowCount == 1 else { throw .undecodable(.unexpectedRowCount(found: rowCount)) }
    return try unsafe decode(Row(result: handle, index: 0))
  }
}

/// The answers of a batch, one per statement, in the order of adding.
public struct BatchResult {
  let results: [QueryResultBox]

  public var count: Int { results.count }

  /// Lends the answer of statement `index`, counted from 0.
  public func with<Value, Failure: Error>(
    _ index: Int, _ body: (borrowing QueryResult) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    try results[index].with(body)
  }
}

/// Holds a result in a class instance, since an array cannot hold a noncopyable one.
final class QueryResultBox {
  private var result: QueryResult?

  init(_ result: consuming QueryResult) { self.result = consume result }

  func with<Value, Failure: Error>(
    _ body: (borrowing QueryResult) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    switch result {
    case .some(let result): return try body(result)
    case .none: preconditionFailure("a result was used after it was taken")
    }
  }

  /// Moves the result out.
  func take() -> QueryResult {
    guard let result = result.take() else { preconditionFailure("a result was taken twice") }
    return result
  }
}

internal import Postgres
internal import StreakDomain

/// One column of rows that are passed to a statement: its name and type there, and how it is read
/// from a row.
struct WrittenColumn<Row>: Sendable {
  let name: String
  let type: String
  /// The value of a single row.
  let value: @Sendable (Row) -> PostgresValue
  /// The values of several rows, as an array.
  let values: @Sendable ([Row]) -> PostgresValue

  static func bool(_ name: String, _ read: @escaping @Sendable (Row) -> Bool) -> WrittenColumn {
    WrittenColumn(name: name, type: "boolean", value: { .bool(read($0)) }, values: { .boolArray($0.map(read)) })
  }

  static func int16(_ name: String, _ read: @escaping @Sendable (Row) -> Int16) -> WrittenColumn {
    WrittenColumn(name: name, type: "smallint", value: { .int16(read($0)) }, values: { .int16Array($0.map(read)) })
  }

  static func int32(_ name: String, _ read: @escaping @Sendable (Row) -> Int32?) -> WrittenColumn {
    WrittenColumn(name: name, type: "integer", value: { .int32(read($0)) }, values: { .int32Array($0.map(read)) })
  }

  static func int64(_ name: String, _ read: @escaping @Sendable (Row) -> Int64) -> WrittenColumn {
    WrittenColumn(name: name, type: "bigint", value: { .int64(read($0)) }, values: { .int64Array($0.map(read)) })
  }

  static func text(_ name: String, _ read: @escaping @Sendable (Row) -> String) -> WrittenColumn {
    WrittenColumn(name: name, type: "text", value: { .string(read($0)) }, values: { .stringArray($0.map(read)) })
  }

  static func bytes(_ name: String, _ read: @escaping @Sendable (Row) -> [UInt8]?) -> WrittenColumn {
    WrittenColumn(name: name, type: "bytea", value: { .bytes(read($0)) }, values: { .bytesArray($0.map(read)) })
  }

  static func identifier(_ name: String, _ read: @escaping @Sendable (Row) -> Identifier?) -> WrittenColumn {
    WrittenColumn(
      name: name, type: "uuid", value: { .identifier(read($0)) }, values: { .uuidArray($0.map { read($0)?.uuid }) })
  }

  static func instant(_ name: String, _ read: @escaping @Sendable (Row) -> Instant) -> WrittenColumn {
    WrittenColumn(name: name, type: "timestamptz", value: { .instant(read($0)) }, values: { .instants($0.map(read)) })
  }
}

/// A part of a statement that processes rows, column by column.
///
/// One row is sent as a list of values, several as arrays: PostgreSQL is fastest for a single row
/// with plain values, and for many with `unnest`.
protocol StatementPart: Sendable {
  /// Number of parameters, each a column.
  var columnCount: Int { get }
  /// - Parameters:
  ///   - first: Number of the first parameter.
  ///   - isSingle: For exactly one row.
  func text(firstParameter first: Int, isSingle: Bool) -> String
}

/// A part for rows of one kind.
struct ColumnarPart<Row>: StatementPart {
  /// `SOURCE` is replaced by the rows' source, whose alias is `w`.
  let sql: String
  let columns: [WrittenColumn<Row>]

  init(_ columns: [WrittenColumn<Row>], _ sql: String) {
    self.sql = sql
    self.columns = columns
  }

  var columnCount: Int { columns.count }

  func text(firstParameter first: Int, isSingle: Bool) -> String {
    let names = columns.map(\.name).joined(separator: ", ")
    let parameters = columns.indices.map { "$\(first + $0)::\(columns[$0].type)\(isSingle ? "" : "[]")" }
      .joined(separator: ", ")
    let source = isSingle ? "(SELECT \(parameters)) AS w (\(names))" : "unnest(\(parameters)) AS w (\(names))"
    return sql.split(separator: "SOURCE", omittingEmptySubsequences: false).joined(separator: source)
  }

  /// Appends the parameters for `rows`, at least one.
  func append(_ rows: [Row], to parameters: inout [PostgresValue]) {
    if rows.count == 1 {
      let row = rows[0]
      for column in columns { parameters.append(column.value(row)) }
    } else {
      for column in columns { parameters.append(column.values(rows)) }
    }
  }

  /// The statement that stores several rows.
  func statement() -> Statement { Statement(.write, text(firstParameter: 1, isSingle: false)) }

  /// `statement()` with its parameters.
  func bound(_ rows: [Row], to statement: Statement) -> BoundStatement {
    var parameters: [PostgresValue] = []
    for column in columns { parameters.append(column.values(rows)) }
    return BoundStatement(statement: statement, parameters: parameters)
  }
}

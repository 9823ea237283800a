internal import Postgres

/// Rows on their way into a statement, column by column, and what the statement does with them.
///
/// One row is sent as a list of values, several as arrays: PostgreSQL spends least on a single row with plain values, on many with `unnest`.
struct ColumnarPart {
  /// The rows' source, whose name is `w`, is put for `SOURCE`.
  let sql: String
  let columns: [(name: String, type: String)]
  /// In the order of `columns`: arrays of equal length.
  let values: [PostgresValue]
  let rowCount: Int

  private var isSingle: Bool { rowCount == 1 }

  /// The statement's text.
  /// - Parameter first: Number of the first parameter.
  func text(firstParameter first: Int) -> String {
    let names = columns.map(\.name).joined(separator: ", ")
    let parameters = columns.indices.map { "$\(first + $0)::\(columns[$0].type)\(isSingle ? "" : "[]")" }
      .joined(separator: ", ")
    let source = isSingle ? "(SELECT \(parameters)) AS w (\(names))" : "unnest(\(parameters)) AS w (\(names))"
    return sql.split(separator: "SOURCE", omittingEmptySubsequences: false).joined(separator: source)
  }

  /// The statement's parameters.
  var parameters: [PostgresValue] { isSingle ? values.map(\.onlyElement) : values }
}

extension PostgresValue {
  /// The first element of an array, as a value of its own.
  fileprivate var onlyElement: PostgresValue {
    switch self {
    case .boolArray(let values): .bool(values.first ?? nil)
    case .int16Array(let values): .int16(values.first ?? nil)
    case .int32Array(let values): .int32(values.first ?? nil)
    case .int64Array(let values): .int64(values.first ?? nil)
    case .stringArray(let values): .string(values.first ?? nil)
    case .bytesArray(let values): .bytes(values.first ?? nil)
    case .uuidArray(let values): .uuid(values.first ?? nil)
    case .timestampArray(let values): .timestamp(values.first ?? nil)
    default: preconditionFailure("no part has such a column")
    }
  }
}

/// Splits text into rows of fields. Source: RFC 4180; lines may end in LF alone.
enum CSVRows {
  /// - Returns: The rows, without empty lines; nil if a quoted field never ends.
  static func of(_ bytes: [UInt8]) -> [[String]]? {
    let (quote, comma, newline, carriage) = (
      UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"), UInt8(ascii: "\r")
    )
    var rows: [[String]] = []
    var row: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    var index = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0  // a byte order mark
    func text() -> String { String(decoding: field, as: UTF8.self) }
    func endRow() {
      row.append(text())
      field = []
      if row != [""] { rows.append(row) }
      row = []
    }
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if isQuoted {
        guard byte == quote else {
          field.append(byte)
          continue
        }
        if index < bytes.count, bytes[index] == quote {
          field.append(quote)
          index += 1
        } else {
          isQuoted = false
        }
      } else if byte == quote, field.isEmpty {
        isQuoted = true
      } else if byte == comma {
        row.append(text())
        field = []
      } else if byte == newline {
        endRow()
      } else if byte != carriage {
        field.append(byte)
      }
    }
    guard !isQuoted else { return nil }
    if !field.isEmpty || !row.isEmpty { endRow() }
    return rows
  }
}

internal import Glibc

/// Finds one user's rows in a dump's text. Of all other lines only the first bytes and the end are
/// read.
///
/// Source: PostgreSQL's manual, COPY, "Text Format": a row is a line, and no value holds a line
/// feed.
struct CopyRows {
  /// One row: its table's name without the schema, and its values by column; nil is NULL.
  struct Row: Equatable {
    let table: String
    let values: [String: String?]
  }

  private static let headerStart = Array("COPY ".utf8)
  private static let end = Array("\\.".utf8)
  /// Most bytes of one line.
  static let lineBytesMax = 16 * 1_048_576

  private let rowStart: [UInt8]
  private let tables: Set<String>
  private var table: String?
  /// The lines that follow are rows, of any table.
  private var isInRows = false
  private var columns: [String] = []
  private var passed: Set<String> = []

  /// - Parameters:
  ///   - person: The id in the dump's form. It is the first column of each of these tables.
  init(of person: String, tables: Set<String>) {
    rowStart = Array("\(person)\t".utf8)
    self.tables = tables
  }

  /// All of the tables are complete: the rest of the dump is not needed.
  var isOver: Bool { passed.count == tables.count }

  /// Takes whole lines, each with its line feed.
  mutating func take(_ text: RawSpan, _ visit: (Row) throws(OperationsError) -> Void) throws(OperationsError) {
    try unsafe text.withUnsafeBytes { bytes throws(OperationsError) in
      guard let base = bytes.baseAddress else { return }
      var offset = 0
      while offset < bytes.count, let feed = unsafe memchr(base + offset, 0x0A, bytes.count - offset) {
        let line = unsafe UnsafeRawBufferPointer(start: base + offset, count: UnsafeRawPointer(feed) - (base + offset))
        offset += line.count + 1
        if isInRows {
          if unsafe Self.starts(line, with: rowStart) {
            if table != nil { try visit(try unsafe row(line)) }
          } else if unsafe line.count == Self.end.count && Self.starts(line, with: Self.end) {
            endRows()
          }
        } else if unsafe Self.starts(line, with: Self.headerStart) {
          begin(unsafe String(decoding: line, as: UTF8.self))
        }
      }
    }
  }

  private static func starts(_ line: UnsafeRawBufferPointer, with prefix: [UInt8]) -> Bool {
    guard line.count >= prefix.count, let base = line.baseAddress else { return false }
    return unsafe memcmp(base, prefix, prefix.count) == 0
  }

  private func row(_ line: UnsafeRawBufferPointer) throws(OperationsError) -> Row {
    let values = unsafe line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).map {
      unsafe Self.unescaped($0)
    }
    guard let table, values.count == columns.count else {
      throw .damaged("a row has \(values.count) values instead of \(columns.count)")
    }
    return Row(table: table, values: Dictionary(zip(columns, values)) { first, _ in first })
  }

  private mutating func endRows() {
    if let table { passed.insert(table) }
    table = nil
    isInRows = false
  }

  /// Records the table of the rows that follow: `COPY schema.table (column, ...) FROM stdin;`.
  private mutating func begin(_ line: String) {
    guard line.hasSuffix(") FROM stdin;"), let open = line.firstIndex(of: "(") else { return }
    isInRows = true
    func name(_ text: some StringProtocol) -> String { String(text.filter { $0 != " " && $0 != "\"" }) }
    let found = line[..<open].split(separator: ".").last.map { name($0) }
    table = found.flatMap { tables.contains($0) ? $0 : nil }
    columns = line[line.index(after: open)...].dropLast(") FROM stdin;".count).split(separator: ",").map { name($0) }
  }

  /// A value without the text format's escapes; nil for NULL.
  static func unescaped(_ value: some Sequence<UInt8>) -> String? {
    let value = Array(value)
    guard value.contains(UInt8(ascii: "\\")) else { return String(decoding: value, as: UTF8.self) }
    if value == Array("\\N".utf8) { return nil }
    var bytes: [UInt8] = []
    var isEscape = false
    for byte in value {
      guard isEscape else {
        if byte == UInt8(ascii: "\\") { isEscape = true } else { bytes.append(byte) }
        continue
      }
      isEscape = false
      switch byte {
      case UInt8(ascii: "b"): bytes.append(0x08)
      case UInt8(ascii: "f"): bytes.append(0x0C)
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "v"): bytes.append(0x0B)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

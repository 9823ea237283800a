/// A text table of rows and fields. Source: RFC 4180. Also accepted: other delimiters than commas,
/// and rows that break its rules.
struct CSVTable {
  struct Row {
    /// The line of its first character, from 1.
    var line: Int
    var fields: [String]
    /// The columns of its quoted fields.
    var quoted: Set<Int> = []

    /// A field without white space around it; empty if the row is shorter.
    func field(_ column: Int?) -> String {
      guard let column, fields.indices.contains(column) else { return "" }
      return fields[column].trimmed
    }

    var place: String { "line \(line)" }

    /// The number of fields, without empty ones at the end.
    var width: Int { fields.lastIndex { !$0.trimmed.isEmpty }.map { $0 + 1 } ?? 0 }
  }

  /// The rows below the header. If the note is the last column with a name, and is not quoted, the
  /// fields that a row has more than the header are parts of it: it held a delimiter.
  /// - Parameter note: The note's column.
  func rows(below header: Row, note: Int?) -> [Row] {
    guard let note, note == header.width - 1 else { return Array(rows.dropFirst()) }
    return rows.dropFirst().map { row in
      let surplus = row.fields.count - header.fields.count
      guard surplus > 0, row.width > header.width, !row.quoted.contains(note), !row.field(note).isEmpty else {
        return row
      }
      var row = row
      let parts = row.fields[note...note + surplus]
      let filled = parts.prefix(max(0, row.width - note)).joined(separator: String(Unicode.Scalar(delimiter)))
      row.fields.replaceSubrange(parts.indices, with: [filled])
      return row
    }
  }

  /// A remark, if a row has fields beyond the header.
  func surplus(of row: Row, below header: Row, habit: String? = nil) -> ImportRemark? {
    let rest = row.fields.dropFirst(header.width).map(\.trimmed).filter { !$0.isEmpty }
    guard !rest.isEmpty else { return nil }
    return ImportRemark(
      "the row has more fields than the header, and what is beyond is not kept", habit: habit, place: row.place,
      detail: ImportLimits.shown(rest.joined(separator: ", ")))
  }

  private(set) var delimiter: UInt8
  /// Without empty lines.
  private(set) var rows: [Row] = []
  private(set) var remarks: [ImportRemark] = []

  /// Most bytes of a quoted field: in a longer one, the opening mark is taken for a stray one.
  static let quotedBytesMax = 262_144
  /// Rows that are used to find the delimiter.
  private static let sampleRows = 50
  private static let delimiters = [",", ";", "\t", "|"].compactMap { $0.utf8.first }

  init(_ text: [UInt8]) {
    var bytes = text[...]
    var line = 1
    // The delimiter's declaration in files of spreadsheets.
    if bytes.starts(with: Array("sep=".utf8)), bytes.count > 5, [0x0A, 0x0D].contains(bytes[bytes.startIndex + 5]) {
      delimiter = bytes[bytes.startIndex + 4]
      bytes = bytes.dropFirst(5).drop { $0 == 0x0A || $0 == 0x0D }
      line = 2
    } else {
      delimiter = Self.delimiter(of: bytes)
    }
    var parser = CSVParser(bytes: bytes, delimiter: delimiter, line: line)
    while let row = parser.next() { rows.append(row) }
    remarks = parser.remarks
  }

  /// The delimiter with which most rows have as many fields as the header.
  private static func delimiter(of bytes: ArraySlice<UInt8>) -> UInt8 {
    var best = (delimiter: delimiters[0], score: 0)
    for delimiter in delimiters {
      var parser = CSVParser(bytes: bytes, delimiter: delimiter, line: 1)
      var widths: [Int] = []
      while widths.count < sampleRows, let row = parser.next() { widths.append(row.fields.count) }
      guard let usual = widths.mostFrequent, usual > 1 else { continue }
      let score = 2 * widths.count { $0 == usual } + (widths.first == usual ? 1 : 0)
      if score > best.score { best = (delimiter, score) }
    }
    return best.delimiter
  }
}

/// Parses a text row by row.
private struct CSVParser {
  let bytes: ArraySlice<UInt8>
  let delimiter: UInt8
  var remarks: [ImportRemark] = []
  private var index: Int
  private var line: Int
  /// The columns of the last row's quoted fields.
  private var quoted: Set<Int> = []
  /// The number of the first row's fields; 0 before it is read.
  private var width = 0

  init(bytes: ArraySlice<UInt8>, delimiter: UInt8, line: Int) {
    self.bytes = bytes
    self.delimiter = delimiter
    self.line = line
    index = bytes.startIndex
  }

  private static let (quote, newline, carriage) = (UInt8(ascii: "\""), UInt8(ascii: "\n"), UInt8(ascii: "\r"))

  /// The next row that is not empty.
  mutating func next() -> CSVTable.Row? {
    while index < bytes.endIndex {
      let (start, firstLine) = (index, line)
      var fields = row(hasQuotes: true)
      if fields == nil {
        // A stray quotation mark must not swallow the following rows.
        (index, line) = (start, firstLine)
        fields = row(hasQuotes: false)
        remarks.append(
          ImportRemark("its quotation marks do not match; it was read as it stands", place: "line \(line - 1)"))
      }
      if let fields, fields.contains(where: { !$0.isEmpty }) {
        if width == 0 { width = fields.count }
        return CSVTable.Row(line: firstLine, fields: fields, quoted: quoted)
      }
    }
    return nil
  }

  /// One row with its line end; nil if its quotation marks do not match.
  private mutating func row(hasQuotes: Bool) -> [String]? {
    var fields: [String] = []
    var field: [UInt8] = []
    quoted = []
    while index < bytes.endIndex {
      let byte = bytes[index]
      // Spaces may precede a quotation mark.
      if hasQuotes, byte == Self.quote, field.allSatisfy({ $0 == 0x20 }) {
        let (start, firstLine) = (index, line)
        guard let content = quotedField() else {
          if field.isEmpty { return nil }
          (index, line) = (start + 1, firstLine)
          field.append(byte)
          continue
        }
        field = content
        quoted.insert(fields.count)
        fields.append(String(decoding: field, as: UTF8.self))
        field = []
        guard index < bytes.endIndex, bytes[index] == delimiter else {
          endLine()
          return fields
        }
        index += 1
        // A delimiter at the end of the text is followed by an empty field.
        if index == bytes.endIndex { fields.append("") }
        continue
      }
      if byte == delimiter {
        fields.append(String(decoding: field, as: UTF8.self))
        field = []
        index += 1
      } else if byte == Self.newline || byte == Self.carriage {
        fields.append(String(decoding: field, as: UTF8.self))
        endLine()
        return fields
      } else {
        field.append(byte)
        index += 1
      }
    }
    fields.append(String(decoding: field, as: UTF8.self))
    line += 1
    return fields
  }

  /// The content of a quoted field, and the spaces after it; nil if the closing mark is missing, if
  /// neither a delimiter nor the line's end follows it, or if the field contains rows.
  private mutating func quotedField() -> [UInt8]? {
    var field: [UInt8] = []
    index += 1
    while index < bytes.endIndex, field.count <= CSVTable.quotedBytesMax {
      let byte = bytes[index]
      index += 1
      if byte == Self.newline { line += 1 }
      guard byte == Self.quote else {
        field.append(byte)
        continue
      }
      if index < bytes.endIndex, bytes[index] == Self.quote {
        field.append(byte)
        index += 1
        continue
      }
      while index < bytes.endIndex, bytes[index] == 0x20, delimiter != 0x20 { index += 1 }
      let isEnded = index == bytes.endIndex || [delimiter, Self.newline, Self.carriage].contains(bytes[index])
      return isEnded && !containsRows(field) ? field : nil
    }
    return nil
  }

  /// Whether a field's further lines are rows themselves, so that its opening mark is a stray one.
  private func containsRows(_ field: [UInt8]) -> Bool {
    guard width > 1 else { return false }
    let lines = field.split(omittingEmptySubsequences: false) { $0 == Self.newline || $0 == Self.carriage }
    return lines.dropFirst().contains { line in
      let fields = line.split(separator: delimiter, omittingEmptySubsequences: false)
      return fields.count == width
        && fields.contains { DateText(String(decoding: $0, as: UTF8.self).trimmed) != nil }
    }
  }

  /// Skips LF, CR or both.
  private mutating func endLine() {
    line += 1
    guard index < bytes.endIndex else { return }
    let isCarriage = bytes[index] == Self.carriage
    index += 1
    if isCarriage, index < bytes.endIndex, bytes[index] == Self.newline { index += 1 }
  }
}

extension Sequence where Element: Hashable {
  /// The most frequent element; of several the first.
  var mostFrequent: Element? {
    var counts: [Element: Int] = [:]
    var best: (element: Element, count: Int)?
    for element in self { counts[element, default: 0] += 1 }
    for element in self where counts[element] ?? 0 > best?.count ?? 0 { best = (element, counts[element] ?? 0) }
    return best?.element
  }
}

extension StringProtocol {
  /// Without white space around it and without control characters.
  var trimmed: String {
    func isOuter(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isWhitespace || scalar.properties.generalCategory == .control || scalar == "\u{FEFF}"
    }
    // Most fields need no trimming.
    let bytes = Substring(self).utf8
    if let first = bytes.first, let last = bytes.last, (0x21...0x7E).contains(first), (0x21...0x7E).contains(last) {
      return String(self)
    }
    let scalars = unicodeScalars.drop(while: isOuter)
    guard let last = scalars.lastIndex(where: { !isOuter($0) }) else { return "" }
    return String(String.UnicodeScalarView(scalars[...last]))
  }
}

internal import Glibc
internal import Schema

/// Filters a dump from a file for psql: SQL and rows pass, psql's own commands do not.
///
/// pg_dump puts its text between `\restrict KEY` and `\unrestrict KEY` with a key of its own. These
/// two lines are left out, because the whole text runs between such lines with a key of ours: see
/// `PsqlSession.runRestricted`. Any other line outside of rows that begins with a backslash is
/// refused.
struct DumpScript {
  /// Most bytes of a line outside of rows.
  static let lineBytesMax = 1_048_576

  private static let trailer = Array("-- PostgreSQL database dump complete".utf8)
  private static let rowsEnd = Array("\\.".utf8)
  private static let headerStart = Array("COPY ".utf8)
  private static let headerEnd = Array(" FROM stdin;".utf8)
  private static let backslash = UInt8(ascii: "\\")
  private static let lineFeed = UInt8(ascii: "\n")

  /// Whether the next line belongs to a table's rows.
  private(set) var isInRows = false
  /// pg_dump's last line has been read, and no statement after it.
  private(set) var isComplete = false
  /// The incomplete line: all of it outside of rows, its first bytes within rows.
  private var begun: [UInt8] = []
  private var lineNumber = 1

  /// Takes the dump's next part, cut at any place.
  ///
  /// - Parameter pass: Receives the bytes for psql, in order.
  mutating func take(
    _ bytes: ArraySlice<UInt8>, _ pass: (ArraySlice<UInt8>) throws(OperationsError) -> Void
  ) throws(OperationsError) {
    var rest = bytes
    while !rest.isEmpty {
      if isInRows {
        let count = endOfRows(rest)
        try pass(rest.prefix(count))
        rest = rest.dropFirst(count)
        continue
      }
      let feed = rest.firstIndex(of: Self.lineFeed)
      let part = feed.map { rest[...$0] } ?? rest
      rest = rest.dropFirst(part.count)
      guard begun.count + part.count <= Self.lineBytesMax else {
        throw .damaged("the dump's line \(lineNumber) has more than \(Self.lineBytesMax) bytes")
      }
      begun += part
      guard feed != nil else { return }
      let line = begun
      begun = []
      if try isForPsql(line.dropLast()) { try pass(line[...]) }
      lineNumber += 1
    }
  }

  /// Why the complete dump is not valid; nil if it is.
  var failure: String? {
    if isInRows { return "the dump is cut short: it ends in the rows of a table" }
    return isComplete && begun.isEmpty ? nil : "the dump is cut short: pg_dump's last line is missing"
  }

  /// - Returns: The number of bytes that belong to the rows, including the end marker.
  private mutating func endOfRows(_ bytes: ArraySlice<UInt8>) -> Int {
    unsafe bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return 0 }
      var offset = 0
      while offset < raw.count, let feed = unsafe memchr(base + offset, Int32(Self.lineFeed), raw.count - offset) {
        let count = unsafe UnsafeRawPointer(feed) - (base + offset)
        var isEnd = begun.count + count == Self.rowsEnd.count
        if isEnd { isEnd = unsafe (begun + Array(raw[offset..<(offset + count)])).elementsEqual(Self.rowsEnd) }
        begun.removeAll(keepingCapacity: true)
        offset += count + 1
        lineNumber += 1
        if isEnd {
          isInRows = false
          return offset
        }
      }
      // Of a row, only the bytes that distinguish it from the end marker are kept.
      let kept = max(0, Self.rowsEnd.count + 1 - begun.count)
      unsafe begun.append(contentsOf: raw[offset...].prefix(kept))
      return raw.count
    }
  }

  /// - Parameter line: A line outside of rows, without its line feed.
  private mutating func isForPsql(_ line: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    guard line.first != Self.backslash else {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ")
      guard words.count == 2, ["\\restrict", "\\unrestrict"].contains(words[0]),
        words[1].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
      else {
        throw .refused("the dump's line \(lineNumber) is a command to psql, which pg_dump never writes: it was forged")
      }
      return false
    }
    if line.elementsEqual(Self.trailer) {
      isComplete = true
    } else if !line.isEmpty, !line.starts(with: [UInt8(ascii: "-"), UInt8(ascii: "-")]) {
      isComplete = false
    }
    isInRows =
      line.starts(with: Self.headerStart) && line.suffix(Self.headerEnd.count).elementsEqual(Self.headerEnd)
    return true
  }
}

extension DumpScript {
  /// Filters a backup's dump, to its end.
  ///
  /// - Parameter target: Reads the filtered dump. If it stops reading, it reports the reason
  ///   itself.
  /// - Throws: `.damaged` for a dump that was cut short. Send no query to psql then: psql may be in
  ///   the middle of a table's rows and take the query for a row.
  mutating func copy(
    from file: UnpackedFile, of backup: Backup, to target: some ByteSink, _ progress: Progress
  ) throws(OperationsError) {
    var isReading = true
    let copied = Result { () throws(OperationsError) in
      var chunk = [UInt8](repeating: 0, count: StreamCopy.chunkBytes)
      while true {
        let count = try file.output.read(into: &chunk)
        guard count > 0 else { return }
        progress.addDump(count)
        try take(chunk[..<count]) { bytes throws(OperationsError) in
          if isReading { isReading = try target.write(bytes) }
        }
      }
    }
    // The hash is correct, so a dump that cannot be unpacked was encrypted to another recipient.
    let failure = file.failure(sha256: backup.sha256, endedEarly: (try? copied.get()) == nil)
    try copied.get()
    if let failure { throw .programFailed("\(backup.name): \(failure)") }
    if let cut = self.failure { throw .damaged("\(backup.name): \(cut)") }
  }
}

internal import Cryptography
internal import Glibc
internal import Schema

/// Row counts and fingerprints of the tables in a dump's text. A fingerprint is the sum of the
/// hashes of a table's rows, in COPY's text format; it does not depend on their order.
///
/// Source: PostgreSQL's manual, COPY, "Text Format": a row is a line, no value holds a line feed,
/// and no row is `\.`.
struct DumpFingerprint {
  /// The count and the sum of a table's rows.
  struct Table: Equatable {
    var rowCount: Int64 = 0
    /// The sum of the rows' hashes, modulo 2^128.
    var sum: UInt128 = 0
  }

  /// Bytes of a row that are hashed at once. Of a longer row, each piece's hash is the key of the
  /// next piece. Also the limit for a line outside of rows: a longer line cannot be a COPY
  /// statement.
  static let pieceBytes = 65_536
  private static let headerStart = Array("COPY ".utf8)
  private static let end = Array("\\.".utf8)
  private static let headerEnd = Array(" FROM stdin;".utf8)

  /// By the name in the dump: with the schema, quoted where necessary.
  private(set) var tables: [String: Table] = [:]
  /// The table whose rows are being read, and its sum so far.
  private var name: String?
  private var table = Table()
  /// The incomplete line at the end of the last part; for a row, the bytes after its last whole
  /// piece.
  private var begun: [UInt8] = []
  /// The hash of the incomplete row's whole pieces.
  private var pieces = ShortHash()

  init() {}

  /// Whether the next line belongs to a table's rows.
  var isInRows: Bool { name != nil }

  /// Acts as if the line before a table's rows had been read.
  mutating func begin(_ name: String) {
    self.name = name
    table = Table()
  }

  /// Takes the dump's next part, cut at any place.
  mutating func take(_ text: RawSpan) {
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var offset = 0
      while offset < bytes.count {
        guard let feed = unsafe memchr(base + offset, 0x0A, bytes.count - offset) else { break }
        let count = unsafe UnsafeRawPointer(feed) - base - offset
        unsafe endLine(UnsafeRawBufferPointer(start: base + offset, count: count))
        offset += count + 1
      }
      if offset < bytes.count { unsafe keep(UnsafeRawBufferPointer(rebasing: bytes[offset...])) }
    }
  }

  /// Takes a line's last part, without its line feed.
  private mutating func endLine(_ part: UnsafeRawBufferPointer) {
    guard !begun.isEmpty else { return unsafe endLine(whole: part.bytes) }
    unsafe keep(part)
    var line: [UInt8] = []
    swap(&line, &begun)
    unsafe endLine(whole: line.span.bytes)
    pieces = ShortHash()
    line.removeAll(keepingCapacity: true)
    swap(&line, &begun)
  }

  /// Keeps an incomplete line until its rest arrives.
  private mutating func keep(_ part: UnsafeRawBufferPointer) {
    guard isInRows else {
      unsafe begun.append(contentsOf: part.prefix(Self.pieceBytes + 1 - begun.count))
      return
    }
    unsafe begun.append(contentsOf: part)
    while begun.count > Self.pieceBytes {
      pieces.key = unsafe pieces(begun.span.bytes.extracting(first: Self.pieceBytes))
      begun.removeFirst(Self.pieceBytes)
    }
  }

  /// Takes the rest of a line, without the pieces that are hashed already.
  private mutating func endLine(whole line: RawSpan) {
    guard let name else { return beginIfHeader(line) }
    if line.byteCount == Self.end.count, pieces.key == 0,
      unsafe line.withUnsafeBytes({ unsafe $0.elementsEqual(Self.end) })
    {
      tables[name] = table
      self.name = nil
      return
    }
    var hash = pieces
    var rest = line
    while rest.byteCount > Self.pieceBytes {
      hash.key = hash(rest.extracting(first: Self.pieceBytes))
      rest = rest.extracting(droppingFirst: Self.pieceBytes)
    }
    table.rowCount += 1
    table.sum &+= hash(rest)
  }

  /// Records the table of the rows that follow: `COPY schema.table (column, ...) FROM stdin;`.
  private mutating func beginIfHeader(_ line: RawSpan) {
    guard line.byteCount <= Self.pieceBytes else { return }
    unsafe line.withUnsafeBytes { bytes in
      guard unsafe bytes.starts(with: Self.headerStart),
        unsafe bytes.suffix(Self.headerEnd.count).elementsEqual(Self.headerEnd)
      else { return }
      let text = unsafe bytes.dropFirst(Self.headerStart.count).dropLast(Self.headerEnd.count)
      // A quoted name may hold any character; its own quotes are doubled.
      var isQuoted = false
      let name = unsafe text.prefix { byte in
        if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
        return isQuoted || byte != UInt8(ascii: " ")
      }
      begin(unsafe String(decoding: name, as: UTF8.self))
    }
  }

  /// The manifest's entry of a table; nil if the dump does not hold the table.
  func backupTable(_ name: String) -> BackupTable? {
    tables[name].map {
      BackupTable(name: name, rowCount: $0.rowCount, fingerprint: String($0.sum, radix: 16))
    }
  }
}

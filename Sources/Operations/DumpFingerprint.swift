internal import Cryptography
internal import Glibc
internal import Schema

/// Counts and fingerprints of the tables in a dump's text, taken while it passes: the sum of the
/// hashes of a table's rows, as COPY writes them, which does not depend on their order.
///
/// Source: PostgreSQL's manual, COPY, "Text Format": a row is a line, no value holds a line feed,
/// and no row is `\.`.
struct DumpFingerprint {
  /// What a table's rows come to.
  struct Table: Equatable {
    var rowCount: Int64 = 0
    /// The sum of the rows' hashes, modulo 2^128.
    var sum: UInt128 = 0
  }

  /// Bytes of a row hashed at once; of a longer one each piece's hash is the key of the next. Also
  /// what is kept of a line that is no row: more is no table's begin.
  static let pieceBytes = 65_536
  private static let headerStart = Array("COPY ".utf8)
  private static let end = Array("\\.".utf8)
  private static let headerEnd = Array(" FROM stdin;".utf8)

  /// By the name in the dump: with the schema, quoted where need be.
  private(set) var tables: [String: Table] = [:]
  /// Whose rows pass, and what they come to so far.
  private var name: String?
  private var table = Table()
  /// The begin of a line whose end has not come yet; of a row what follows its last whole piece.
  private var begun: [UInt8] = []
  /// The hash of the pieces of the row that has begun.
  private var pieces = ShortHash()

  init() {}

  /// Whether a table's rows have begun and not ended.
  var isInRows: Bool { name != nil }

  /// As if the line before a table's rows had passed.
  mutating func begin(_ name: String) {
    self.name = name
    table = Table()
  }

  /// Takes the dump's next part, wherever it was cut.
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

  /// Keeps a part of a line until the rest comes.
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

  /// A line, but for the pieces of it that are hashed already.
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

  /// Notes whose rows follow: `COPY schema.table (column, ...) FROM stdin;`.
  private mutating func beginIfHeader(_ line: RawSpan) {
    guard line.byteCount <= Self.pieceBytes else { return }
    unsafe line.withUnsafeBytes { bytes in
      guard unsafe bytes.starts(with: Self.headerStart),
        unsafe bytes.suffix(Self.headerEnd.count).elementsEqual(Self.headerEnd)
      else { return }
      let text = unsafe bytes.dropFirst(Self.headerStart.count).dropLast(Self.headerEnd.count)
      // A quoted name may hold anything, its own quotes twice.
      var isQuoted = false
      let name = unsafe text.prefix { byte in
        if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
        return isQuoted || byte != UInt8(ascii: " ")
      }
      begin(unsafe String(decoding: name, as: UTF8.self))
    }
  }

  /// What the manifest says of a table; nil if it did not pass.
  func backupTable(_ name: String) -> BackupTable? {
    tables[name].map {
      BackupTable(name: name, rowCount: $0.rowCount, fingerprint: String($0.sum, radix: 16))
    }
  }
}

internal import Cryptography
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import enum StreakDomain.Reason

/// Reads an exported document while it arrives, and checks it against its own manifest: the
/// counterpart of `ExportDocument`.
///
/// The members of a JSON document may come in any order, as long as `habits` precedes the records
/// that name habits. Pure but for the hash: bytes in, records out. Bounded by the largest record.
struct DocumentReader {
  /// The most bytes of one record, as written.
  static let recordBytesMax = 1_048_576
  /// The most bytes of a member of the header.
  static let headerBytesMax = 4_096

  typealias Section = ExportDocument.Section

  private let isBinary: Bool
  private var splitter = JSONDocumentSplitter(pieceBytesMax: recordBytesMax)
  /// The arrived bytes of a binary document's next record.
  private var rest: [UInt8] = []
  private var header = ExportHeader()
  private var isBegun = false
  private var manifest: ExportManifest?
  private var section: Section?
  private var count: Int64 = 0
  private var hash = SHA256()
  private var closed: [Section: (count: Int64, sha256: [UInt8])] = [:]

  init(isBinary: Bool) {
    self.isBinary = isBinary
  }

  /// Takes the next bytes.
  ///
  /// - Returns: The sections' records that end in them.
  mutating func take(_ bytes: [UInt8]) throws(RPCStatus) -> [ExportRecord.Record] {
    try isBinary ? takeBinary(bytes) : takeJSON(bytes)
  }

  /// Ends the document.
  ///
  /// - Throws: `IMPORT_UNREADABLE` if the document is incomplete, `IMPORT_CORRUPT` if its records
  ///   are not those of its manifest.
  mutating func finish() throws(RPCStatus) -> (header: ExportHeader, manifest: ExportManifest) {
    guard rest.isEmpty, isBinary || splitter.isAtEnd else {
      throw Self.unreadable(
        isBinary && !isBegun
          ? "it ends before its header, or is neither a JSON nor a binary document" : "the document ends early")
    }
    if !isBinary, !isBegun, let missing = Self.headerMembers.first(where: { headerTexts[$0] == nil }) {
      throw Self.unreadable("its member \"\(missing)\" is missing")
    }
    close()
    guard let manifest else {
      throw Self.unreadable(isBinary ? "the document ends early" : "its member \"manifest\" is missing")
    }
    guard manifest.sections.map(\.name) == Section.allCases.map(\.rawValue),
      manifest.schemaVersion == header.schemaVersion, manifest.exportedAt == header.exportedAt
    else { throw Reason.importCorrupt.status }
    let nothing = (count: Int64(0), sha256: SHA256.digest(of: []))
    for (section, stated) in zip(Section.allCases, manifest.sections) {
      let found = closed[section] ?? nothing
      guard found.count == stated.count, found.sha256 == stated.sha256 else {
        throw Reason.importCorrupt.status(
          saying:
            "Section \(section.rawValue) is not what the manifest says: \(found.count) of \(stated.count) records.")
      }
    }
    return (header, manifest)
  }

  static func unreadable(_ what: String) -> RPCStatus {
    Reason.importUnreadable.status(saying: "This is no document of an export: \(what).")
  }

  /// The reader's position, for messages.
  private var here: String { section.map { "record \(count + 1) of \($0.rawValue)" } ?? "the beginning" }

  // MARK: Sections

  private mutating func begin(_ next: Section) throws(RPCStatus) {
    close()
    guard closed[next] == nil else { throw Self.unreadable("section \"\(next.rawValue)\" stands twice") }
    section = next
  }

  private mutating func close() {
    if let section { closed[section] = (count, hash.digest()) }
    (section, count, hash) = (nil, 0, SHA256())
  }

  private mutating func begin(_ header: ExportHeader) throws(RPCStatus) {
    guard header.schemaVersion == ExportDocument.schemaVersion else {
      throw Self.unreadable("its schema version is \(header.schemaVersion) instead of \(ExportDocument.schemaVersion)")
    }
    self.header = header
    isBegun = true
  }

  private mutating func end(_ manifest: ExportManifest) throws(RPCStatus) {
    guard self.manifest == nil else { throw Self.unreadable("its manifest stands twice") }
    close()
    self.manifest = manifest
  }

  // MARK: Binary

  private mutating func takeBinary(_ bytes: [UInt8]) throws(RPCStatus) -> [ExportRecord.Record] {
    rest += bytes
    var records: [ExportRecord.Record] = []
    var start = 0
    while let frame = try Self.frame(of: rest[start...], isFirst: !isBegun) {
      let record: ExportRecord
      do throws(DecodeError) {
        record = try ExportRecord(protobufBytes: Array(rest[frame.message]))
      } catch {
        throw Self.unreadable("\(here): \(error)")
      }
      guard manifest == nil else { throw Self.unreadable("something follows its manifest") }
      switch record.record {
      case .header(let header)? where !isBegun: try begin(header)
      case .manifest(let manifest)? where isBegun: try end(manifest)
      case let found?:
        guard let next = Section(of: found) else { throw Self.unreadable("\(here) has no section") }
        guard isBegun else { throw Self.unreadable("it does not begin with its header") }
        if next != section { try begin(next) }
        hash.update(rest[start..<frame.message.upperBound])
        count += 1
        records.append(found)
      case nil: throw Self.unreadable("\(here) is of no kind that this server knows")
      }
      start = frame.message.upperBound
    }
    rest.removeFirst(start)
    return records
  }

  /// Reads a sequence of messages, each after its length.
  static func records(of bytes: [UInt8]) throws(RPCStatus) -> [ExportRecord] {
    var records: [ExportRecord] = []
    var rest = bytes[...]
    while let frame = try frame(of: rest) {
      guard let record = try? ExportRecord(protobufBytes: Array(bytes[frame.message])) else {
        throw unreadable("record \(records.count + 1)")
      }
      records.append(record)
      rest = bytes[frame.message.upperBound...]
    }
    guard rest.isEmpty else { throw unreadable("it ends early") }
    return records
  }

  /// The first message behind its length; nil until all of it has arrived.
  /// - Parameter isFirst: The message would be the header, which is small: a length beyond the
  ///   limit is not one.
  private static func frame(
    of bytes: ArraySlice<UInt8>, isFirst: Bool = false
  ) throws(RPCStatus) -> (message: Range<Int>, Void)? {
    var length = 0
    for (place, byte) in bytes.prefix(5).enumerated() {
      length |= Int(byte & 0x7F) << (7 * place)
      guard byte & 0x80 == 0 else { continue }
      guard length <= recordBytesMax else {
        throw isFirst
          ? unreadable("it begins like neither a JSON nor a binary document") : Reason.importTooLarge.status
      }
      let start = bytes.startIndex + place + 1
      return bytes.endIndex - start >= length ? (start..<start + length, ()) : nil
    }
    guard bytes.count < 5 else { throw unreadable("a record without a length") }
    return nil
  }

  // MARK: JSON

  private static let headerMembers = ["schemaVersion", "exportedAt", "userId"]
  /// The header's members that have arrived, by name.
  private var headerTexts: [String: [UInt8]] = [:]

  private mutating func takeJSON(_ bytes: [UInt8]) throws(RPCStatus) -> [ExportRecord.Record] {
    let pieces: [JSONDocumentSplitter.Piece]
    do throws(JSONDocumentSplitter.Problem) {
      pieces = try splitter.take(bytes)
    } catch {
      switch error {
      case .tooLarge: throw Reason.importTooLarge.status
      case .unexpected(0...1) where Self.isUTF16(bytes): throw Self.unreadable("it is written in UTF-16; UTF-8 is read")
      case .unexpected(let offset): throw Self.unreadable("byte \(offset) is not what an object holds there")
      }
    }
    var records: [ExportRecord.Record] = []
    for piece in pieces {
      switch piece {
      case .member("manifest", let text): try end(Self.parse(text, "its manifest"))
      case .member(let name, let text): try take(headerMember: name, text)
      case .array(let name):
        guard let next = Section(rawValue: name) else { throw Self.unreadable("section \"\(name)\"") }
        try begin(next)
      case .element(let text):
        guard let section else { throw Self.unreadable("a record outside of all sections") }
        guard !section.namesHabits || closed[.habits] != nil else {
          throw Self.unreadable("section \"\(section.rawValue)\" stands before \"habits\", which it names")
        }
        let (record, canonical) = try Self.record(text, section, here)
        hash.update(Array(canonical.utf8) + [UInt8(ascii: "\n")])
        count += 1
        records.append(record)
      }
    }
    return records
  }

  private mutating func take(headerMember name: String, _ text: [UInt8]) throws(RPCStatus) {
    guard Self.headerMembers.contains(name) else { throw Self.unreadable("member \"\(name.prefix(64))\"") }
    guard text.count <= Self.headerBytesMax else { throw Reason.importTooLarge.status }
    guard headerTexts.updateValue(text, forKey: name) == nil else {
      throw Self.unreadable("member \"\(name)\" stands twice")
    }
    guard headerTexts.count == Self.headerMembers.count else { return }
    let members = headerTexts.map { "\"\($0.key)\":\(String(decoding: $0.value, as: UTF8.self))" }
    try begin(Self.parse(Array("{\(members.joined(separator: ","))}".utf8), "its header"))
  }

  /// Whether a document begins with UTF-16's byte order mark, or with an ASCII character in UTF-16.
  private static func isUTF16(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 2 else { return false }
    return [[0xFF, 0xFE], [0xFE, 0xFF]].contains(Array(bytes[..<2])) || bytes[0] == 0 || bytes[1] == 0
  }

  private static func parse<Message: ProtobufMessage>(_ text: [UInt8], _ what: String) throws(RPCStatus) -> Message {
    guard let text = String(validating: text, as: UTF8.self) else { throw unreadable("\(what) is not UTF-8") }
    do throws(JSONError) {
      return try Message(json: text)
    } catch {
      throw unreadable("\(what): \(error)")
    }
  }

  /// A record of a section, and its text as an export writes it.
  private static func record(
    _ text: [UInt8], _ section: Section, _ what: String
  ) throws(RPCStatus) -> (ExportRecord.Record, String) {
    func read<Message: ProtobufMessage>(
      _ wrap: (Message) -> ExportRecord.Record
    ) throws(RPCStatus) -> (ExportRecord.Record, String) {
      let message: Message = try parse(text, what)
      guard let canonical = try? message.json() else { throw unreadable(what) }
      return (wrap(message), canonical)
    }
    return switch section {
    case .account: try read { .account($0) }
    case .devices: try read { .device($0) }
    case .habits: try read { .habit($0) }
    case .ledger: try read { .cell($0) }
    case .history: try read { .earlierCell($0) }
    case .rejectedEntries: try read { .rejection($0) }
    case .rejectedOperations: try read { .rejectedOperation($0) }
    case .notices: try read { .notice($0) }
    case .migrations: try read { .migration($0) }
    case .audit: try read { .auditEvent($0) }
    }
  }
}

extension ExportDocument.Section {
  /// The section's records name habits, which must be known by then.
  var namesHabits: Bool { self == .ledger || self == .history || self == .notices }

  /// The section that a record of a binary document belongs to; nil for the header and the
  /// manifest.
  init?(of record: ExportRecord.Record) {
    switch record {
    case .account: self = .account
    case .device: self = .devices
    case .habit: self = .habits
    case .cell: self = .ledger
    case .earlierCell: self = .history
    case .rejection: self = .rejectedEntries
    case .rejectedOperation: self = .rejectedOperations
    case .notice: self = .notices
    case .migration: self = .migrations
    case .auditEvent: self = .audit
    case .header, .manifest: return nil
    }
  }
}

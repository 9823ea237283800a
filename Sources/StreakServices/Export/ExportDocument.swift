internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Writes an export's document piece by piece, and computes its manifest.
///
/// Pure but for the hash: records in, bytes out. Sections come in their order; the first record of
/// a section begins it, and a section without records is written empty.
struct ExportDocument {
  /// The version of the document's layout.
  static let schemaVersion: Int32 = 2

  /// The sections in the document's order; the raw value is the name.
  enum Section: String, CaseIterable {
    case account, devices, habits, ledger, history, rejectedEntries, rejectedOperations, notices, migrations, audit
  }

  private let isBinary: Bool
  private let secret: [UInt8]
  private let header: ExportHeader
  private var bytes: [UInt8] = []
  private var documentBytes: Int64 = 0
  private var closed: [ExportSection] = []
  private var count: Int64 = 0
  private var hash = SHA256()

  /// - Parameter secret: The key of the document's seal.
  init(isBinary: Bool, userID: Identifier, at now: Instant, secret: [UInt8]) throws(RPCStatus) {
    self.isBinary = isBinary
    self.secret = secret
    header = ExportHeader(
      schemaVersion: Self.schemaVersion, exportedAt: GoogleProtobufTimestamp(now), userId: userID.bytes)
    if isBinary {
      append(Self.framed(ExportRecord(record: .header(header)).protobufBytes()))
    } else {
      guard let header = try? header.json() else { throw Reason.internalFault.status }
      append(Array("\(header.dropLast()),\n\"\(Section.account.rawValue)\":[".utf8))
    }
  }

  /// The number of bytes that were written and not taken yet.
  var pendingByteCount: Int { bytes.count }

  /// Nothing was taken yet: the first bytes are sent without waiting for more.
  var isBeginning: Bool { documentBytes == Int64(bytes.count) }

  /// Takes the written bytes.
  mutating func takeBytes() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// Adds a record to a section, which must not precede the section begun last.
  mutating func add<Message: ProtobufMessage>(
    _ message: Message, as record: ExportRecord.Record, to section: Section
  ) throws(RPCStatus) {
    closeSections(before: section)
    let text: [UInt8]
    if isBinary {
      text = Self.framed(ExportRecord(record: record).protobufBytes())
      hash.update(text)
    } else {
      guard let json = try? message.json() else { throw Reason.internalFault.status }
      append(Array((count == 0 ? "\n" : ",\n").utf8))
      text = Array(json.utf8)
      hash.update(text + [UInt8(ascii: "\n")])
    }
    append(text)
    count += 1
  }

  /// Ends the document and gives its manifest.
  mutating func finish() throws(RPCStatus) -> ExportManifest {
    closeSections(before: nil)
    var manifest = ExportManifest(
      schemaVersion: Self.schemaVersion, exportedAt: header.exportedAt, sections: closed)
    manifest.seal = ExportSeal.seal(of: manifest, userID: header.userId, secret: secret)
    if isBinary {
      append(Self.framed(ExportRecord(record: .manifest(manifest)).protobufBytes()))
    } else {
      guard let text = try? manifest.json() else { throw Reason.internalFault.status }
      append(Array(",\n\"manifest\":\(text)}\n".utf8))
    }
    manifest.documentBytes = documentBytes
    return manifest
  }

  private mutating func closeSections(before next: Section?) {
    while closed.count < Section.allCases.count, Section.allCases[closed.count] != next {
      closed.append(
        ExportSection(name: Section.allCases[closed.count].rawValue, count: count, sha256: hash.digest()))
      if !isBinary {
        append(Array((count == 0 ? "]" : "\n]").utf8))
        if closed.count < Section.allCases.count {
          append(Array(",\n\"\(Section.allCases[closed.count].rawValue)\":[".utf8))
        }
      }
      count = 0
      hash = SHA256()
    }
  }

  private mutating func append(_ more: [UInt8]) {
    bytes += more
    documentBytes += Int64(more.count)
  }

  /// A message after its length as a varint.
  static func framed(_ message: [UInt8]) -> [UInt8] {
    var length = message.count
    var prefix: [UInt8] = []
    while length >= 0x80 {
      prefix.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    prefix.append(UInt8(length))
    return prefix + message
  }
}

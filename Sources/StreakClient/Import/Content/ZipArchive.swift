internal import Gzip

/// The files of a zip archive. Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.4. Encryption and
/// ZIP64 are not supported.
struct ZipArchive {
  struct Entry {
    /// Its path, with slashes.
    var name: String
    fileprivate var method: UInt16
    fileprivate var checksum: UInt32
    fileprivate var compressedBytes: Int
    fileprivate var bytes: Int
    fileprivate var headerOffset: Int
    fileprivate var isEncrypted: Bool

    /// The path's parts.
    var parts: [Substring] { name.split(separator: "/") }
    var lastPart: String { parts.last.map(String.init) ?? "" }
  }

  /// Most files of an archive.
  static let entriesMax = 20_000
  /// Most bytes of all expanded files together.
  static let expandedBytesMax = 256 * 1_024 * 1_024

  private let bytes: [UInt8]
  /// Files in the archive's order, without folders and the operating system's metadata files.
  private(set) var entries: [Entry] = []

  static func isZip(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6])
  }

  init(_ bytes: [UInt8]) throws(ImportedHistory.Failure) {
    self.bytes = bytes
    guard let end = Self.endRecord(bytes) else {
      throw .init(message: "The zip file is cut off: its list of files is missing. Copy or export it again.")
    }
    let count = Int(number(end + 10, 2))
    var offset = Int(number(end + 16, 4))
    guard count <= Self.entriesMax else {
      throw .init(message: "The zip file holds more than \(Self.entriesMax) files.")
    }
    var total = 0
    for _ in 0..<count {
      guard offset + 46 <= bytes.count, number(offset, 4) == 0x0201_4B50 else {
        throw .init(message: "The zip file is damaged: its list of files cannot be read. Copy or export it again.")
      }
      let nameBytes = Int(number(offset + 28, 2))
      let next = offset + 46 + nameBytes + Int(number(offset + 30, 2)) + Int(number(offset + 32, 2))
      guard next <= bytes.count else {
        throw .init(message: "The zip file is damaged: its list of files cannot be read. Copy or export it again.")
      }
      let name = DecodedText(Array(bytes[(offset + 46)..<(offset + 46 + nameBytes)]))
      let entry = Entry(
        name: String(decoding: name.utf8, as: UTF8.self).replacing("\\", with: "/"),
        method: UInt16(number(offset + 10, 2)),
        checksum: UInt32(number(offset + 16, 4)), compressedBytes: Int(number(offset + 20, 4)),
        bytes: Int(number(offset + 24, 4)), headerOffset: Int(number(offset + 42, 4)),
        isEncrypted: number(offset + 8, 2) & 1 == 1)
      offset = next
      guard !entry.name.hasSuffix("/"), !entry.parts.contains(where: { $0 == "__MACOSX" || $0.hasPrefix("._") }) else {
        continue
      }
      total += entry.bytes
      guard total <= Self.expandedBytesMax else {
        throw .init(message: "The zip file expands to more than \(Self.expandedBytesMax) bytes.")
      }
      entries.append(entry)
    }
  }

  /// The contents of a file.
  func contents(of entry: Entry) throws(ImportedHistory.Failure) -> [UInt8] {
    guard !entry.isEncrypted else {
      throw .init(
        message: "\(entry.name): the zip file is protected by a password. Unpack it and import what is in it.")
    }
    let header = entry.headerOffset
    guard header + 30 <= bytes.count, number(header, 4) == 0x0403_4B50 else { throw damaged(entry) }
    let start = header + 30 + Int(number(header + 26, 2)) + Int(number(header + 28, 2))
    guard start + entry.compressedBytes <= bytes.count else { throw damaged(entry) }
    let stored = bytes[start..<(start + entry.compressedBytes)]
    switch entry.method {
    case 0: return Array(stored)
    case 8:
      // A gzip member is the same compressed stream, between a header and the checksum and size
      // from the archive's directory.
      var member: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
      member += stored
      for value in [entry.checksum, UInt32(truncatingIfNeeded: entry.bytes)] {
        member += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      }
      do throws(GzipError) { return try Gzip.expand(member.span.bytes, bytesMax: entry.bytes) } catch {
        throw damaged(entry)
      }
    default:
      throw .init(
        message: "\(entry.name) is packed in a way that is not known. Unpack the zip file and import what is in it.")
    }
  }

  private func damaged(_ entry: Entry) -> ImportedHistory.Failure {
    .init(message: "The zip file is damaged: \(entry.name) cannot be unpacked. Copy or export it again.")
  }

  /// The offset of the end record; a comment may follow it.
  private static func endRecord(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 22 else { return nil }
    for offset in stride(from: bytes.count - 22, through: max(0, bytes.count - 22 - 65_535), by: -1)
    where bytes[offset] == 0x50 && bytes[offset..<(offset + 4)].elementsEqual([0x50, 0x4B, 5, 6]) {
      return offset
    }
    return nil
  }

  /// A little-endian number.
  private func number(_ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
  }
}

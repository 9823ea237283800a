internal import Cryptography
internal import RPC
internal import Schema
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Resumes an export. The document is made again; the part that the client has is left out, if it
/// is the same.
struct ExportResumption {
  let snapshot: ExportSnapshot
  private let sha256: [UInt8]
  private var knownBytesLeft: Int64
  private var hash = SHA256()
  private var isChecked = false

  /// - Throws: `EXPORT_CHANGED` for a snapshot that no server made.
  init(_ resume: ExportResume) throws(RPCStatus) {
    guard let snapshot = ExportSnapshot(bytes: resume.snapshot) else { throw Reason.exportChanged.status }
    self.snapshot = snapshot
    sha256 = resume.sha256
    knownBytesLeft = resume.documentBytes
  }

  /// The document was at least as long as the part that the client has.
  var isComplete: Bool { isChecked }

  /// Takes the next bytes of the document.
  ///
  /// - Returns: The bytes among them that the client does not have.
  /// - Throws: `EXPORT_CHANGED` once the part that the client has proves to be of another document.
  mutating func withoutKnown(_ bytes: [UInt8]) throws(RPCStatus) -> [UInt8] {
    guard !isChecked else { return bytes }
    let known = bytes.prefix(Int(clamping: knownBytesLeft))
    hash.update(known)
    knownBytesLeft -= Int64(known.count)
    guard knownBytesLeft == 0 else { return [] }
    guard hash.digest() == sha256 else { throw Reason.exportChanged.status }
    isChecked = true
    return Array(bytes.dropFirst(known.count))
  }
}

extension ExportSnapshot {
  /// Bytes of `state`.
  private static let stateBytes = 32

  /// The moment in microseconds and the number of the last audit event, big-endian, then the state.
  var bytes: [UInt8] {
    [UInt8](bigEndian: exportedAt.microseconds) + [UInt8](bigEndian: auditNumber) + state
  }

  /// Reads `bytes` back; nil for anything else.
  init?(bytes: [UInt8]) {
    guard bytes.count == 16 + Self.stateBytes else { return nil }
    func number(_ place: Int) -> Int64 {
      Int64(bitPattern: bytes[place..<place + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
    let moment = Instant(microseconds: number(0))
    // The range of a timestamp in the document.
    guard (0...253_402_300_799).contains(moment.seconds) else { return nil }
    self.init(exportedAt: moment, auditNumber: number(8), state: Array(bytes[16...]))
  }
}

internal import Cryptography
internal import GRPCSchema
internal import Schema
internal import StreakDomain

/// Distinguishes this service's documents from others: a hash of the document's content under a
/// key of the server key's.
enum ExportSeal {
  /// Names the key among those of the server key.
  static let purpose = "document"

  /// SHA-256(secret, SHA-256(header and sections)): the inner hash has a fixed length, so nothing
  /// can be added to a sealed document.
  static func seal(of manifest: ExportManifest, userID: [UInt8], secret: [UInt8]) -> [UInt8] {
    var inner = SHA256()
    inner.update(Array("streak.v1.export.seal.1".utf8))
    func add(_ number: Int64) { inner.update([UInt8](bigEndian: number)) }
    func add(_ bytes: [UInt8]) {
      add(Int64(bytes.count))
      inner.update(bytes)
    }
    add(Int64(manifest.schemaVersion))
    add(manifest.exportedAt?.seconds ?? 0)
    add(Int64(manifest.exportedAt?.nanos ?? 0))
    add(userID)
    for section in manifest.sections {
      add(Array(section.name.utf8))
      add(section.count)
      add(section.sha256)
    }
    return SHA256.digest(of: secret + inner.digest())
  }

  /// Whether this service made the document, and the document is unchanged.
  static func matches(_ manifest: ExportManifest, userID: [UInt8], secret: [UInt8]) -> Bool {
    equalInConstantTime(manifest.seal, seal(of: manifest, userID: userID, secret: secret))
  }
}

internal import Cryptography
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// Proves that a server of this database gave a cursor to an account: no client can claim to have
/// received what was never sent.
struct CursorSeal: Sendable {
  /// The size of a tag, in bytes.
  static let tagBytes = 16

  private let hash: ShortHash

  /// - Parameter secret: A key of the server key's, 32 bytes.
  init(secret: [UInt8]) {
    let key = SHA256.digest(of: Array("streak.v1.cursor.1".utf8) + secret)
    hash = ShortHash(key: key.prefix(Self.tagBytes).reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
  }

  /// A cursor of an account, sealed.
  func seal(_ epoch: Epoch, changeNumber: Int64, resume: [UInt8] = [], of userID: Identifier) -> Schema.Cursor {
    let tag = tag(epoch, changeNumber, resume, userID)
    return Schema.Cursor(StreakDomain.Cursor(epoch: epoch, changeNumber: changeNumber, tag: tag), resume: resume)
  }

  /// Whether a cursor was given to an account.
  func isGenuine(_ cursor: Schema.Cursor, of userID: Identifier) -> Bool {
    equalInConstantTime(cursor.tag, tag(Epoch(cursor), cursor.changeNumber, cursor.resume, userID))
  }

  private func tag(_ epoch: Epoch, _ changeNumber: Int64, _ resume: [UInt8], _ userID: Identifier) -> [UInt8] {
    let numbers = (
      userID.high.bigEndian, userID.low.bigEndian, epoch.number.bigEndian, epoch.bits.bigEndian, changeNumber.bigEndian
    )
    return withUnsafeBytes(of: numbers) { numbers in
      let tag = resume.isEmpty ? hash(RawSpan(_unsafeBytes: numbers)) : hash((Array(numbers) + resume).span.bytes)
      return withUnsafeBytes(of: tag.bigEndian) { Array($0) }
    }
  }
}

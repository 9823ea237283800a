/// The secret that all servers of one database share, and that the database alone does not reveal.
///
/// A random root of 32 bytes, which the database stores encrypted under the key-encryption keys of
/// the server key's file (`KeyEncryptionKeys`). A key of its own is derived from it for every
/// purpose. Whatever a copy of the database must not reveal or make is sealed, or hashed, under it:
/// cursors, the verifiable part of tokens, documents, counted names, recovery codes.
package struct ServerKey: Sendable, CustomStringConvertible, CustomReflectable {
  /// The size of the root, in bytes.
  package static let rootByteCount = 32

  private let root: Secret
  /// Authenticates tokens without a look-up. Derived once, as every refresh needs it.
  package let tokenProof: TokenProof
  /// The key of cursors' tags. Derived once, as every sync needs it.
  package let cursorKey: [UInt8]
  private let countKey: Secret

  /// A key with a new root.
  package init() { self.init(checkedRoot: randomBytes(count: Self.rootByteCount)) }

  /// The key of a root; nil for a root of another size.
  init?(root: [UInt8]) {
    guard root.count == Self.rootByteCount else { return nil }
    self.init(checkedRoot: root)
  }

  private init(checkedRoot root: [UInt8]) {
    self.root = Secret(root)
    func key(_ purpose: String) -> Secret { SealedBytes.key(purpose: "streak.v1.server.\(purpose).1", secrets: [root]) }
    tokenProof = TokenProof(secret: key("token").exposed)
    cursorKey = key("cursor").exposed
    countKey = key("count")
  }

  /// The root, to be encrypted under a key-encryption key.
  var exposedRoot: [UInt8] { root.exposed }

  /// A key for one purpose: it reveals nothing about the keys of other purposes.
  ///
  /// - Parameter purpose: A constant text of the program.
  package func key(for purpose: String) -> Secret {
    SealedBytes.key(purpose: "streak.v1.server.\(purpose).1", secrets: [root.exposed])
  }

  /// Seals bytes for servers of this database, with a new nonce: `overheadByteCount` longer.
  ///
  /// - Parameter purpose: A constant text of the program. Only the same purpose opens the box.
  package func seal(_ plain: [UInt8], purpose: String) -> [UInt8] {
    SealedBytes.seal(plain, key: key(for: purpose))
  }

  /// The content of a box; nil if it was sealed for another purpose or by other servers, or was
  /// changed.
  package func open(_ sealed: [UInt8], purpose: String) -> [UInt8]? {
    SealedBytes.open(sealed, key: key(for: purpose))
  }

  /// A hash of a list of values, 32 bytes, that only servers of this database can compute: values
  /// that are easy to guess cannot be found from it. Two different lists never give the same input.
  package func hash(_ parts: [[UInt8]], purpose: String) -> [UInt8] {
    SealedBytes.key(purpose: "streak.v1.server.hash", secrets: [key(for: purpose).exposed] + parts).exposed
  }

  /// The hash under which calls of a name are counted: neither an email nor an address can be found
  /// from it.
  package func countedName(_ name: [UInt8]) -> [UInt8] {
    SealedBytes.key(purpose: "streak.v1.server.count", secrets: [countKey.exposed, name]).exposed
  }

  package var description: String { "ServerKey(secret)" }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

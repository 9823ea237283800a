package import Cryptography
internal import Glibc

/// The file of the key-encryption keys, which is kept outside of the database and of its backups:
/// one or two lines with keys, the current one first; readable by its owner only.
///
/// Every server of a database needs the same file.
package enum ServerKeyFile {
  /// Most bytes of the file.
  static let bytesMax = 4_096
  private static let prefix = "streakd-server-key-"

  /// The keys in a file; nil if there is none.
  package static func read(_ path: String) throws(OperationsError) -> KeyEncryptionKeys? {
    guard Files.exists(path) else { return nil }
    let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .fileUnusable("the server key \(path) is no file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .refused("the server key \(path) can be read by other users: change its mode to 600")
    }
    guard let bytes = try Files.read(path, byteLimit: bytesMax) else { return nil }
    var keys: [[UInt8]] = []
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      guard line.hasPrefix(prefix), let key = ErasureLedger.bytes(hex: line.dropFirst(prefix.count)) else {
        throw .damaged("the server key \(path) has a line that is not a key: restore the file from its copy")
      }
      keys.append(key)
    }
    guard let keys = KeyEncryptionKeys(keys) else {
      throw .damaged("the server key \(path) must hold one or two different keys of 32 bytes")
    }
    return keys
  }

  /// Makes a file with one new key. Of several programs that make one at the same time, all get the
  /// first one's.
  package static func make(_ path: String) throws(OperationsError) -> KeyEncryptionKeys {
    let path = Files.absolute(path)
    try Files.makeFolder(Files.parent(of: path))
    let temporary = "\(path).\(ErasureLedger.hex(randomBytes(count: 8)))"
    let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL)
    _ = try file.write(text(of: KeyEncryptionKeys())[...])
    try file.synchronize(temporary)
    file.close()
    let isLinked = unsafe link(temporary, path) == 0 || errno == EEXIST
    let problem = lastError()
    // Before it is read: root's file in another user's folder belongs to that user, unless it has
    // two names.
    unsafe unlink(temporary)
    guard isLinked else { throw .fileUnusable("cannot make the server key \(path): \(problem)") }
    try Files.synchronizeFolder(Files.parent(of: path))
    guard let keys = try read(path) else { throw .fileUnusable("the server key \(path) is gone") }
    return keys
  }

  /// Replaces a file's keys.
  package static func replace(_ path: String, with keys: KeyEncryptionKeys) throws(OperationsError) {
    try Files.replace(Files.absolute(path), with: text(of: keys))
  }

  private static func text(of keys: KeyEncryptionKeys) -> [UInt8] {
    var text = """
      # The server key of a streakd database. Secret: with it, a copy of the database tells who signs in. Without it, no server of the
      # database starts: keep a copy, apart from the backups. The first key encrypts; the second, while there is one, only decrypts.

      """
    for key in keys.exposed { text += "\(prefix)\(ErasureLedger.hex(key))\n" }
    return Array(text.utf8)
  }
}

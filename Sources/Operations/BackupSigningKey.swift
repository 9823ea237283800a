internal import Cryptography
internal import Glibc

/// The server's secret key for signing the manifests of its backups, and its erasure ledger: a file
/// outside of the backup folder, readable by our own user only.
///
/// A backup is encrypted to a public key, so every program that may write to the backup folder can
/// make one. The signature proves that the server made it. The server holds the secret key. A
/// restore needs the public key, which belongs beside the private key of the encryption: see
/// `BackupSigners`.
package struct BackupSigningKey: Sendable {
  /// The environment variable with the file's path.
  package static let variable = "STREAKD_BACKUP_SIGNING_KEY"

  private static let prefix = "streakd-signing-key-"
  private static let fileBytesMax = 4_096

  private let key: SigningKey

  /// The public key, in the text form for operators.
  package var signer: String { BackupSigners.text(of: key.publicKey) }

  /// Reads the key from its file, which is made if it does not exist.
  ///
  /// - Parameter path: Nil: this machine's standard path, see `standardPath`.
  package init(file path: String? = nil) throws(OperationsError) {
    let path: String = if let path { Files.absolute(path) } else { try Self.standardPath() }
    if let key = try Self.read(path) {
      self.key = key
      return
    }
    try Files.makeFolder(Files.parent(of: path))
    let key = SigningKey()
    let digits = ErasureLedger.hex(key.seed)
    let text = """
      # Signs the backups of this server. Secret; of no use for reading them. Its public part, which restores on other machines need:
      # \(BackupSigners.text(of: key.publicKey))
      \(Self.prefix)\(digits)

      """
    // The file is linked into its place: of several programs that make one at the same time, all
    // read the first one.
    let temporary = "\(path).\(ErasureLedger.hex(randomBytes(count: 8)))"
    let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL)
    defer { unsafe unlink(temporary) }
    _ = try file.write(Array(text.utf8)[...])
    try file.synchronize(temporary)
    guard unsafe link(temporary, path) == 0 || errno == EEXIST else {
      throw .fileUnusable("cannot make the signing key \(path): \(lastError()); name another file")
    }
    try Files.synchronizeFolder(Files.parent(of: path))
    guard let key = try Self.read(path) else { throw .fileUnusable("the signing key \(path) is gone") }
    self.key = key
  }

  /// The public key of this machine; nil if it has no key.
  static func ownSigner(file path: String? = nil) throws(OperationsError) -> [UInt8]? {
    guard let path = path ?? (try? standardPath()) else { return nil }
    return try read(path)?.publicKey
  }

  /// The path in the environment variable, else root's or our user's own.
  package static func standardPath() throws(OperationsError) -> String {
    if let path = unsafe getenv(variable) { return Files.absolute(unsafe String(cString: path)) }
    return "\(try StateFolder.path())/backup-signing-key"
  }

  /// The signature of a manifest.
  func sign(_ manifest: [UInt8]) -> [UInt8] { key.sign(BackupSigners.message(manifest)) }

  /// The signature of a part of the erasure ledger.
  func sign(ledger link: [UInt8]) -> [UInt8] { key.sign(BackupSigners.message(ledger: link)) }

  private static func read(_ path: String) throws(OperationsError) -> SigningKey? {
    guard Files.exists(path) else { return nil }
    let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    guard unsafe fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .fileUnusable("the signing key \(path) is no file")
    }
    guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
      throw .refused("the signing key \(path) belongs to or can be read by other users: give it to this user, mode 600")
    }
    guard let bytes = try Files.read(path, byteLimit: fileBytesMax) else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline) where line.hasPrefix(prefix) {
      if let seed = ErasureLedger.bytes(hex: line.dropFirst(prefix.count)), let key = SigningKey(seed: seed) {
        return key
      }
    }
    throw .damaged("\(path) holds no signing key")
  }
}

/// The folder for files of a user's programs that belong neither in a data folder nor in a backup
/// folder.
enum StateFolder {
  /// Root's folder; accessible to root only.
  static let ofRoot = "/var/lib/streakd-operations"

  static func path() throws(OperationsError) -> String {
    if geteuid() == 0 { return ofRoot }
    guard let home = unsafe getenv("HOME") else {
      throw .refused("there is no home folder to keep the signing key in; name a file by \(BackupSigningKey.variable)")
    }
    return "\(unsafe String(cString: home))/.local/state/streakd"
  }
}

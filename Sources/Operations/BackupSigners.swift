internal import Cryptography
internal import Glibc

/// The public keys of the servers whose backups may be restored.
package struct BackupSigners: Sendable {
  /// The environment variable that lists them.
  package static let variable = "STREAKD_BACKUP_SIGNER"

  static let prefix = "streakd-signer-"
  private static let fileBytesMax = 1_048_576

  private let keys: [[UInt8]]
  /// The operator allows unsigned backups explicitly.
  let allowsUnsigned: Bool

  /// Accepts every backup: for operators that trust the whole backup folder.
  package static let unchecked = BackupSigners(keys: [], allowsUnsigned: true)

  private init(keys: [[UInt8]], allowsUnsigned: Bool) {
    self.keys = keys
    self.allowsUnsigned = allowsUnsigned
  }

  /// - Parameters:
  ///   - named: Texts that begin with `streakd-signer-`, or files with one such text per line. If
  ///     empty, the signers in the comments of the private key's file, else this machine's own.
  ///   - identity: The path of the file with the private key, if there is one.
  ///   - allowsUnsigned: Accepts backups without a valid signature as well.
  package init(named: [String], identity: String?, allowsUnsigned: Bool = false) throws(OperationsError) {
    var keys: [[UInt8]] = []
    for name in named {
      if let key = Self.key(name[...]) {
        keys.append(key)
        continue
      }
      guard !name.hasPrefix(Self.prefix), let found = try Self.keys(inFile: name), !found.isEmpty else {
        throw .refused("\(name) is neither a signer (\(Self.prefix)...) nor a file with such")
      }
      keys += found
    }
    if keys.isEmpty, let identity { keys = try Self.keys(inFile: identity) ?? [] }
    if keys.isEmpty, let own = try BackupSigningKey.ownSigner() { keys = [own] }
    self.init(keys: keys, allowsUnsigned: allowsUnsigned)
  }

  /// The signers whose backups a program counts as good: itself, and those that the environment
  /// variable names, such as further servers of the folder.
  package init(of key: BackupSigningKey) throws(OperationsError) {
    var keys = [Self.key(key.signer[...])].compactMap { $0 }
    if let others = unsafe getenv(Self.variable) {
      keys += try Self(named: [unsafe String(cString: others)], identity: nil).keys
    }
    self.init(keys: keys, allowsUnsigned: false)
  }

  /// A signer is known, or unsigned backups are allowed.
  package var canCheck: Bool { allowsUnsigned || !keys.isEmpty }

  /// Why a manifest's signature is not valid; nil if it is, or if unsigned backups are allowed.
  ///
  /// - Parameter signature: The text of the file beside the manifest; nil: there is none.
  func failure(of signature: [UInt8]?, manifest: [UInt8]) -> String? {
    guard !allowsUnsigned else { return nil }
    guard !keys.isEmpty else {
      return "its signature cannot be checked: this machine does not know the server's signer; name it with --signer "
        + "(streakctl backup signer prints it on the server), or say --allow-unsigned"
    }
    guard let signature else { return "it has no signature: another program made it, or a server without signatures" }
    let words = String(decoding: signature, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let bytes = ErasureLedger.bytes(hex: words[1]) else {
      return "its signature cannot be read"
    }
    // The signer's key in the file is not used: only known keys count.
    guard keys.contains(where: { SigningKey.isGenuine(bytes, of: Self.message(manifest), by: $0) }) else {
      return "its signature is not from a signer that this machine knows"
    }
    return nil
  }

  /// Whether one of the known signers has signed a part of the erasure ledger.
  func haveSigned(ledger link: [UInt8], _ signature: [UInt8]) -> Bool {
    keys.contains { SigningKey.isGenuine(signature, of: Self.message(ledger: link), by: $0) }
  }

  // MARK: Texts

  static func text(of key: [UInt8]) -> String { prefix + ErasureLedger.hex(key) }

  /// The text of the file beside a manifest.
  static func signature(_ key: BackupSigningKey, _ manifest: [UInt8]) -> [UInt8] {
    Array("\(key.signer) \(ErasureLedger.hex(key.sign(manifest)))\n".utf8)
  }

  /// The signed bytes. The prefix separates a manifest's signature from every other use of the key.
  static func message(_ manifest: [UInt8]) -> [UInt8] { Array("streakd backup manifest\n".utf8) + manifest }

  /// The signed bytes of a part of the erasure ledger.
  static func message(ledger link: [UInt8]) -> [UInt8] { Array("streakd erasure ledger\n".utf8) + link }

  private static func key(_ text: Substring) -> [UInt8]? {
    guard text.hasPrefix(prefix), let key = ErasureLedger.bytes(hex: text.dropFirst(prefix.count)),
      key.count == SigningKey.publicKeyByteCount
    else { return nil }
    return key
  }

  /// The signers on lines of their own, commented out or not; nil if there is no such file.
  private static func keys(inFile path: String) throws(OperationsError) -> [[UInt8]]? {
    guard let bytes = try Files.read(path, byteLimit: fileBytesMax) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
      key(line.drop { $0 == "#" || $0 == " " }.prefix { !$0.isWhitespace })
    }
  }
}

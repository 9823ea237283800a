internal import Cryptography
internal import Glibc

/// Whose backups are restored: the public parts of servers' signing keys.
public struct BackupSigners: Sendable {
  /// The variable that names them.
  public static let variable = "STREAKD_BACKUP_SIGNER"

  static let prefix = "streakd-signer-"
  private static let fileBytesMax = 1_048_576

  private let keys: [[UInt8]]
  /// The operator's explicit wish to go without.
  private let allowsUnsigned: Bool

  /// Every backup passes: for operators that trust the whole backup folder.
  public static let unchecked = BackupSigners(keys: [], allowsUnsigned: true)

  private init(keys: [[UInt8]], allowsUnsigned: Bool) {
    self.keys = keys
    self.allowsUnsigned = allowsUnsigned
  }

  /// - Parameters:
  ///   - named: Texts that begin with `streakd-signer-`, or files with such on lines of their own.
  ///     Empty: those in comments of the file with the private key, else this machine's own.
  ///   - identity: The path of the file with the private key, if there is one.
  ///   - allowsUnsigned: Backups without a good signature pass too.
  public init(named: [String], identity: String?, allowsUnsigned: Bool = false) throws(OperationsError) {
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

  /// Of servers' keys in memory.
  init(_ keys: [BackupSigningKey]) {
    self.init(keys: keys.compactMap { Self.key($0.signer[...]) }, allowsUnsigned: false)
  }

  /// At least one signer is known, or no signature is asked for.
  public var canCheck: Bool { allowsUnsigned || !keys.isEmpty }

  /// Why a manifest's signature is not good; nil if it is, or if the operator goes without.
  ///
  /// - Parameter signature: The text of the file beside the manifest; nil: there is none.
  func failure(of signature: [UInt8]?, manifest: [UInt8]) -> String? {
    guard !allowsUnsigned else { return nil }
    guard !keys.isEmpty else {
      return "its signature cannot be checked: this machine does not know the server's signer; name it with --signer "
        + "(streakctl backup signer prints it on the server), or say --allow-unsigned"
    }
    guard let signature else { return "it has no signature: it is older than signatures, or not ours" }
    let words = String(decoding: signature, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let bytes = ErasureLedger.bytes(hex: words[1]) else {
      return "its signature cannot be read"
    }
    // The signer that the file names is not asked: only those we know.
    guard keys.contains(where: { SigningKey.isGenuine(bytes, of: Self.message(manifest), by: $0) }) else {
      return "its signature is not of a signer that this machine knows"
    }
    return nil
  }

  // MARK: Texts

  static func text(of key: [UInt8]) -> String { prefix + ErasureLedger.hex(key) }

  /// What is signed: no signature of something else can stand for a manifest's.
  static func message(_ manifest: [UInt8]) -> [UInt8] { Array("streakd backup manifest\n".utf8) + manifest }

  private static func key(_ text: Substring) -> [UInt8]? {
    guard text.hasPrefix(prefix), let key = ErasureLedger.bytes(hex: text.dropFirst(prefix.count)),
      key.count == SigningKey.publicKeyByteCount
    else { return nil }
    return key
  }

  /// Those on lines of their own, as comments or not; nil if there is no such file.
  private static func keys(inFile path: String) throws(OperationsError) -> [[UInt8]]? {
    guard let bytes = try Files.read(path, byteLimit: fileBytesMax) else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
      key(line.drop { $0 == "#" || $0 == " " }.prefix { !$0.isWhitespace })
    }
  }
}

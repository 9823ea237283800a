internal import GRPCSchema
internal import Glibc
package import PrivateCluster
internal import ProtobufCodec
public import Schema
public import StreakStore

/// Where backups lie.
///
/// ```
/// lock                     held by whoever makes or removes backups
/// erasures                 the erasure ledger: see ErasureLedger
/// 20261124T031500Z-k3x9/   one backup; appears complete or not at all
///   dump.sql.zst.age       the dump
///   manifest.json          what is in it: a `Backup` message
///   manifest.sig           the signer's key, and the signature: see `BackupSigners`
///   check.json             how the last check went: a `BackupCheck` message
/// .unfinished-.../         one that is being made; removed by the next run if that was killed
/// ```
public struct BackupFolder: Sendable {
  public let path: String

  static let dumpName = "dump.sql.zst.age"
  static let manifestName = "manifest.json"
  static let signatureName = "manifest.sig"
  static let checkName = "check.json"
  static let unfinishedPrefix = ".unfinished-"
  /// Bytes of the file with the signature.
  private static let signatureBytesMax = 4_096
  /// The manifest's layout. 1 had other fingerprints: see `TableFingerprint`.
  static let layoutVersion: Int32 = 2

  /// - Throws: If there is no such folder.
  public init(_ path: String) throws(OperationsError) {
    guard Files.exists(path) else { throw .fileUnusable("there is no backup folder \(path)") }
    self.path = Files.absolute(path)
  }

  /// Makes the folder if need be.
  public init(making path: String) throws(OperationsError) {
    try Files.makeFolder(path)
    try self.init(path)
  }

  /// Makes the folder if need be, and gives it to the user that this process is about to become, if
  /// it is root's.
  ///
  /// - Parameter scratchFolder: Made for that user as well if need be.
  /// - Throws: If that user cannot write the backup folder.
  package static func prepare(
    _ path: String, scratchFolder: String, for user: ServerUser
  ) throws(OperationsError) {
    let folder = try BackupFolder(making: path)
    if !Files.exists(scratchFolder) {
      try Files.makeFolder(scratchFolder)
      let made = try Descriptor.open(scratchFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      // Only the server's user works there.
      guard fchown(made.number, user.userID, user.groupID) == 0 else {
        throw .fileUnusable("cannot give \(scratchFolder) to the user \(user.name): \(lastError())")
      }
    }
    do throws(PrivateClusterError) {
      // Root's folder has no files of others, and chown follows no link below it.
      _ = try ChildProcess.run(
        ["chown", "-R", "-P", "--from=0", "\(user.userID):\(user.groupID)", "--", folder.path], user: nil)
    } catch {
      throw .fileUnusable("cannot give the backup folder \(folder.path) to the user \(user.name): \(error)")
    }
    do throws(PrivateClusterError) {
      _ = try ChildProcess.run(["test", "-r", folder.path, "-a", "-w", folder.path], user: user)
    } catch {
      throw .fileUnusable(
        "the user \(user.name), as whom streakd serves, cannot write the backup folder \(folder.path): it is another user's, or "
          + "a folder above it is closed. Name another folder, or its owner by --user")
    }
  }

  /// The list of erased people.
  public var ledger: ErasureLedger { ErasureLedger(path: "\(path)/erasures") }

  func dumpPath(_ name: String) -> String { "\(path)/\(name)/\(Self.dumpName)" }

  /// Every backup, oldest first. One whose manifest cannot be read is listed with what is wrong as
  /// its last check.
  public func backups() throws(OperationsError) -> [Backup] {
    var backups: [Backup] = []
    for name in try Files.names(in: path) where Self.isName(name) {
      do throws(OperationsError) {
        backups.append(try backup(name))
      } catch {
        backups.append(
          Backup(name: name, lastCheck: BackupCheck(kind: .hash, failure: "its manifest cannot be used: \(error)")))
      }
    }
    return backups
  }

  /// One backup, as its manifest describes it.
  ///
  /// - Parameter signers: One of these must have signed it; nil: the signature is not checked, for
  ///   a list.
  public func backup(_ name: String, signedBy signers: BackupSigners? = nil) throws(OperationsError) -> Backup {
    guard Self.isName(name), let bytes = try Files.read("\(path)/\(name)/\(Self.manifestName)") else {
      throw .noSuchBackup("there is no backup \(name) in \(path)")
    }
    if let signers {
      let signature = try Files.read("\(path)/\(name)/\(Self.signatureName)", byteLimit: Self.signatureBytesMax)
      if let failure = signers.failure(of: signature, manifest: bytes) {
        throw .refused("the backup \(name) is not used: \(failure)")
      }
    }
    var backup: Backup = try Self.decode(bytes, "the manifest of \(name)")
    guard backup.layoutVersion <= Self.layoutVersion else {
      throw .damaged("the backup \(name) was made by a newer program")
    }
    guard backup.name == name, backup.sha256.count == 32 else {
      throw .damaged("the manifest of \(name) is not its own")
    }
    if let check = try Files.read("\(path)/\(name)/\(Self.checkName)") {
      backup.lastCheck = try Self.decode(check, "the last check of \(name)")
    }
    return backup
  }

  /// When the newest good backup began; nil: there is none.
  public func lastGood() throws(OperationsError) -> Moment? {
    try backups().last { $0.isGood }?.beganAt.map { Moment(seconds: $0.seconds) }
  }

  /// Why a folder without its erasure ledger is not used.
  public var missingLedger: String {
    "the erasure ledger \(ledger.path) is missing: is the backup folder mounted, and the right one?"
  }

  /// Keeps how a check went.
  func note(_ check: BackupCheck, of name: String) throws(OperationsError) {
    try Files.replace("\(path)/\(name)/\(Self.checkName)", with: Self.encode(check))
  }

  /// Makes sure that nobody else makes or removes backups here while the result lives.
  func lock() throws(OperationsError) -> Descriptor {
    guard let lock = try Files.lock("\(path)/lock") else {
      throw .underWay("somebody else is at work in the backup folder \(path)")
    }
    return lock
  }

  /// Removes what killed runs left behind. Under the lock.
  func removeUnfinished() throws(OperationsError) {
    for name in try Files.names(in: path) where name.hasPrefix(Self.unfinishedPrefix) {
      try Files.removeFolder("\(path)/\(name)")
    }
  }

  /// Removes a backup: what names it first, so that a half-removed one looks like none. Under the
  /// lock.
  func remove(_ name: String) throws(OperationsError) {
    let doomed = "\(path)/\(Self.unfinishedPrefix)\(name)"
    try Files.rename("\(path)/\(name)", doomed)
    try Files.removeFolder(doomed)
  }

  /// The name of a backup that begins now: the date and time in UTC, and something that no other
  /// has.
  static func name(at moment: Int64) -> String {
    var seconds = time_t(moment)
    var parts = unsafe tm()
    unsafe gmtime_r(&seconds, &parts)
    func padded(_ number: Int32, _ count: Int) -> String {
      let digits = "\(number)"
      return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
    let date = unsafe "\(padded(parts.tm_year + 1_900, 4))\(padded(parts.tm_mon + 1, 2))\(padded(parts.tm_mday, 2))"
    let time = unsafe "\(padded(parts.tm_hour, 2))\(padded(parts.tm_min, 2))\(padded(parts.tm_sec, 2))"
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    return "\(date)T\(time)Z-\(String((0..<6).compactMap { _ in letters.randomElement() }))"
  }

  static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.count == 2 && parts[0].count == 16 && parts[0].hasSuffix("Z") && parts[0].first?.isNumber == true
      && !parts[1].isEmpty && parts[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  static func encode(_ message: some ProtobufMessage) throws(OperationsError) -> [UInt8] {
    do throws(DecodeError) {
      return Array(try message.json(indented: true).utf8) + [UInt8(ascii: "\n")]
    } catch {
      throw .damaged("cannot write JSON: \(error)")
    }
  }

  private static func decode<Message: ProtobufMessage>(
    _ bytes: [UInt8], _ what: String
  ) throws(OperationsError) -> Message {
    do {
      return try Message(
        protobufBytes: Message.descriptor.protobuf(
          fromJSON: String(decoding: bytes, as: UTF8.self), ignoresUnknownFields: true))
    } catch {
      throw .damaged("\(what) cannot be read: \(error)")
    }
  }
}

extension Backup {
  /// Tried in full when it was made, and nothing wrong found since.
  public var isGood: Bool {
    guard let trial, trial.failure.isEmpty else { return false }
    return lastCheck?.failure.isEmpty ?? true
  }
}

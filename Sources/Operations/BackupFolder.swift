internal import GRPCSchema
internal import Glibc
package import PrivateCluster
internal import ProtobufCodec
package import Schema
package import struct StreakDomain.Instant
internal import StreakStore

/// A folder of backups.
///
/// ```
/// lock                     held by the program that makes or removes backups
/// erasures                 the erasure ledger: see ErasureLedger
/// 20261124T031500Z-k3x9/   one backup; appears complete or not at all
///   dump.sql.zst.age       the dump
///   manifest.json          describes the dump: a `Backup` message
///   manifest.sig           the signer's key, and the signature: see `BackupSigners`
///   check.json             the result of the last check: a `BackupCheck` message
/// .unfinished-.../         a backup that is being made; after an interruption the next run removes it
/// ```
package struct BackupFolder: Sendable {
  package let path: String

  static let dumpName = "dump.sql.zst.age"
  static let manifestName = "manifest.json"
  static let signatureName = "manifest.sig"
  static let checkName = "check.json"
  static let unfinishedPrefix = ".unfinished-"
  /// Most bytes of the signature's file.
  private static let signatureBytesMax = 4_096
  /// The manifest's layout. Layout 1 had other fingerprints: see `TableFingerprint`.
  static let layoutVersion: Int32 = 2

  /// - Throws: If the folder does not exist.
  package init(_ path: String) throws(OperationsError) {
    guard Files.exists(path) else { throw .fileUnusable("there is no backup folder \(path)") }
    self.path = Files.absolute(path)
  }

  /// Makes the folder if it does not exist.
  package init(making path: String) throws(OperationsError) {
    try Files.makeFolder(path)
    try self.init(path)
  }

  /// Makes the folder if need be, and gives it to the user that this process is about to become, if
  /// it is root's.
  ///
  /// - Parameter scratchFolder: Made for that user as well if need be.
  /// - Throws: If that user cannot write the backup folder. Folders that were made are removed
  ///   then.
  package static func prepare(
    _ path: String, scratchFolder: String, for user: ServerUser
  ) throws(OperationsError) {
    let missing = [path, scratchFolder].filter { !Files.exists($0) }
    do throws(OperationsError) {
      try BackupFolder(making: path).give(to: user)
      guard missing.contains(scratchFolder) else { return }
      try Files.makeFolder(scratchFolder)
      let made = try Descriptor.open(scratchFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      // Only the server's user works there.
      guard fchown(made.number, user.userID, user.groupID) == 0 else {
        throw .fileUnusable("cannot give \(scratchFolder) to the user \(user.name): \(lastError())")
      }
    } catch {
      for folder in missing { _ = unsafe rmdir(folder) }
      throw error
    }
  }

  private func give(to user: ServerUser) throws(OperationsError) {
    do throws(PrivateClusterError) {
      // Root's folder has no files of others, and chown follows no link below it.
      _ = try ChildProcess.run(
        ["chown", "-R", "-P", "--from=0", "\(user.userID):\(user.groupID)", "--", path], user: nil)
    } catch {
      throw .fileUnusable("cannot give the backup folder \(path) to the user \(user.name): \(error)")
    }
    do throws(PrivateClusterError) {
      _ = try ChildProcess.run(["test", "-r", path, "-a", "-w", path], user: user)
    } catch {
      throw .fileUnusable(
        "the user \(user.name) that streakd becomes cannot write the backup folder \(path): it is another user's, or "
          + "a folder above it is closed. Name another folder, or its owner by --user")
    }
  }

  /// The list of erased people.
  package var ledger: ErasureLedger { ErasureLedger(path: "\(path)/erasures") }

  private func opened() throws(OperationsError) -> OpenFolder { try OpenFolder(path) }

  /// Opens a backup's encrypted file.
  ///
  /// - Throws: `.damaged` if it is missing, or not a file.
  func dump(of name: String) throws(OperationsError) -> Descriptor {
    guard let file = try opened().folder(name)?.open(Self.dumpName, O_RDONLY) else {
      throw .damaged("\(path)/\(name)/\(Self.dumpName) is missing")
    }
    return file
  }

  /// All backups, oldest first, as their manifests say. For a backup whose manifest cannot be read,
  /// or whose file is missing, the last check holds the error.
  package func backups() throws(OperationsError) -> [Backup] {
    try entries(signedBy: .unchecked).map { entry in
      var backup = entry.backup
      if let failure = entry.fileFailure, backup.lastCheck?.failure.isEmpty ?? true {
        backup.lastCheck = BackupCheck(kind: .hash, failure: failure)
      }
      return backup
    }
  }

  /// The good backups, oldest first: each was restored on trial, is signed by one of these, began
  /// in the past, and has its file.
  package func good(signedBy signers: BackupSigners, at now: Instant = .now()) throws(OperationsError) -> [Backup] {
    try entries(signedBy: signers).filter { $0.isGood(at: now) && $0.fileFailure == nil }.map(\.backup)
  }

  /// A backup, and what the folder says about it.
  struct Entry {
    let backup: Backup
    /// One of the known signers made the manifest.
    let isSigned: Bool
    /// Why the encrypted file cannot be the manifest's; nil: it has the manifest's size.
    let fileFailure: String?

    /// The manifest can be believed, and says that the backup is good.
    func isGood(at now: Instant) -> Bool {
      guard isSigned, backup.isGood, let began = backup.beganAt else { return false }
      return began.seconds <= now.seconds
    }

    /// When it began, by its manifest, or by its name if the manifest cannot be believed.
    var began: Instant? {
      isSigned ? backup.beganAt.map { Instant(seconds: $0.seconds) } : BackupFolder.moment(ofName: backup.name)
    }
  }

  func entries(signedBy signers: BackupSigners) throws(OperationsError) -> [Entry] {
    let folder = try opened()
    var entries: [Entry] = []
    for name in try folder.names() where Self.isName(name) {
      do throws(OperationsError) {
        let backup: Backup
        var isSigned = true
        do throws(OperationsError) {
          backup = try self.backup(name, signedBy: signers)
        } catch .refused {
          backup = try self.backup(name)
          isSigned = false
        }
        entries.append(
          Entry(backup: backup, isSigned: isSigned, fileFailure: fileFailure(backup, in: try folder.folder(name))))
      } catch {
        let check = BackupCheck(kind: .hash, failure: "its manifest cannot be used: \(error)")
        entries.append(Entry(backup: Backup(name: name, lastCheck: check), isSigned: false, fileFailure: nil))
      }
    }
    return entries
  }

  private func fileFailure(_ backup: Backup, in folder: OpenFolder?) -> String? {
    let place = "\(path)/\(backup.name)/\(Self.dumpName)"
    guard let bytes = folder?.fileBytes(Self.dumpName) else { return "\(place) is missing" }
    return bytes == backup.fileBytes ? nil : "\(place) has \(bytes) bytes instead of \(backup.fileBytes)"
  }

  /// One backup, as its manifest describes it.
  ///
  /// - Parameter signers: One of these must have signed it; nil, for lists: the signature is not
  ///   checked.
  package func backup(_ name: String, signedBy signers: BackupSigners? = nil) throws(OperationsError) -> Backup {
    guard Self.isName(name), let folder = try opened().folder(name), let bytes = try folder.read(Self.manifestName)
    else {
      throw .noSuchBackup("there is no backup \(name) in \(path)")
    }
    if let signers {
      let signature = try folder.read(Self.signatureName, byteLimit: Self.signatureBytesMax)
      if let failure = signers.failure(of: signature, manifest: bytes) {
        throw .refused("the backup \(name) is not used: \(failure)")
      }
    }
    var backup: Backup = try Self.decode(bytes, "the manifest of \(name)")
    guard backup.layoutVersion <= Self.layoutVersion else {
      throw .damaged("the backup \(name) was made by a newer program")
    }
    guard backup.name == name, backup.sha256.count == 32 else {
      throw .damaged("the manifest in the folder \(name) belongs to another backup")
    }
    if let check = try folder.read(Self.checkName) {
      backup.lastCheck = try Self.decode(check, "the last check of \(name)")
    }
    return backup
  }

  /// When the newest good backup began; nil if there is none. See `good(signedBy:at:)`.
  package func lastGood(
    signedBy signers: BackupSigners, at now: Instant = .now()
  ) throws(OperationsError) -> Instant? {
    try good(signedBy: signers, at: now).compactMap(\.beganAt).map { Instant(seconds: $0.seconds) }.max()
  }

  /// Why a folder without its erasure ledger is not used.
  package var missingLedger: String {
    "the erasure ledger \(ledger.path) is missing: is the backup folder mounted, and the right one?"
  }

  /// Stores the result of a check.
  func note(_ check: BackupCheck, of name: String) throws(OperationsError) {
    try opened().folder(name)?.replace(Self.checkName, with: Self.encode(check))
  }

  /// Locks the folder: no other program makes or removes backups in it while the result lives.
  func lock() throws(OperationsError) -> Descriptor {
    guard let lock = try Files.lock("\(path)/lock") else {
      throw .underWay("another program works in the backup folder \(path)")
    }
    return lock
  }

  /// Removes unfinished backups of killed programs. Under the lock.
  func removeUnfinished() throws(OperationsError) {
    let folder = try opened()
    for name in try folder.names() where name.hasPrefix(Self.unfinishedPrefix) { try folder.remove(name) }
  }

  /// Removes a backup. It is renamed first, so that a partly removed backup is not listed. Under
  /// the lock.
  func remove(_ name: String) throws(OperationsError) {
    let folder = try opened()
    let doomed = "\(Self.unfinishedPrefix)\(name)"
    try folder.rename(name, doomed)
    try folder.remove(doomed)
  }

  /// The name of a backup that begins at `moment`: the date and time in UTC, and a random part that
  /// makes it unique.
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

  /// When a backup began, by its name; nil if that names no moment.
  static func moment(ofName name: String) -> Instant? {
    let digits = name.prefix(15).utf8.map { Int32($0) - Int32(UInt8(ascii: "0")) }
    func number(_ range: Range<Int>) -> Int32? {
      guard range.upperBound <= digits.count, digits[range].allSatisfy({ (0...9).contains($0) }) else { return nil }
      return digits[range].reduce(0) { $0 * 10 + $1 }
    }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
      let minute = number(11..<13), let second = number(13..<15)
    else { return nil }
    var parts = unsafe tm()
    unsafe parts.tm_year = year - 1_900
    unsafe parts.tm_mon = month - 1
    unsafe parts.tm_mday = day
    unsafe parts.tm_hour = hour
    unsafe parts.tm_min = minute
    unsafe parts.tm_sec = second
    return Instant(seconds: Int64(unsafe timegm(&parts)))
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
  /// The trial restore when it was made succeeded, and no later check failed.
  package var isGood: Bool {
    guard let trial, trial.failure.isEmpty else { return false }
    return lastCheck?.failure.isEmpty ?? true
  }
}

import EventLoop
import Glibc
import Logging
import Operations
import PrivateCluster

/// What a process that root started keeps of root's rights when it becomes another user: bound
/// sockets, and a program that reads the certificate's files.
///
/// Nothing of the network is read before `drop`, and from then on no thread of this process is
/// root's.
struct Privileges {
  /// Bound to `listen` and `admin-listen`; nil: they are bound when they are needed.
  var sockets: SocketReservation?
  var adminSockets: SocketReservation?
  /// Nil: this process reads its files itself.
  var files: PrivilegedFiles?

  /// Binds the addresses, gives folders to the user, and becomes the user. Nothing is left behind
  /// if it throws.
  ///
  /// - Parameter user: Nil: this process stays what it is.
  static func drop(
    to user: ServerUser?, _ settings: ServerSettings, _ inherited: InheritedSockets, _ logger: Logger
  ) async throws -> Privileges {
    var privileges = Privileges(
      sockets: inherited.reservation(of: settings.listen),
      adminSockets: settings.adminListen.flatMap { inherited.reservation(of: $0) })
    guard let user else {
      if geteuid() == 0 { logger.warning("streakd serves as root: name an unprivileged user by --user") }
      return privileges
    }
    if privileges.sockets == nil {
      privileges.sockets = try SocketReservation(settings.listen, count: settings.loops)
    }
    if privileges.adminSockets == nil {
      privileges.adminSockets = try settings.adminListen.map { try SocketReservation($0, count: 1) }
    }
    let folder = settings.database == nil ? settings.dataFolder : nil
    let backups = settings.backups
    let prepared = await onOwnThread { () -> Result<Void, any Error> in
      Result {
        if let backups { try BackupFolder.prepare(backups.folder, scratchFolder: backups.scratchFolder, for: user) }
        if let folder { try PrivateCluster.prepareDataFolder(folder, for: user) }
      }
    }
    try prepared.get()
    let certificates = settings.tls.map { CertificateFiles.paths(of: $0).map(absolute) } ?? []
    let sockets = [settings.listen, settings.adminListen].compactMap { $0 }.filter(\.isUnix)
      .filter { !inherited.addresses.contains($0) }.map { absolute($0.host) }
    if !certificates.isEmpty || !sockets.isEmpty {
      privileges.files = try PrivilegedFiles(certificates, sockets: sockets)
    }
    try user.become()
    logger.info("root's rights are given away", metadata: ["user": "\(user.name)"])
    return privileges
  }

  /// For a program that works from another folder.
  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let here = realpath(".", nil) else { return path }
    defer { free(here) }
    return "\(String(cString: here))/\(path)"
  }

  /// Removes what root's rights are needed for, and ends the program. After the servers' end.
  func end() {
    files?.removeSockets()
    files?.end()
  }
}

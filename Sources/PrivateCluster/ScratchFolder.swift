internal import Glibc

/// Our own folder for scratch clusters, in a folder that other users may write too:
/// `streakd-scratch-UID`, mode 0700, of the server's user. Removed when it is empty.
///
/// A folder of that name which belongs to another user, or is a link, is neither used nor read: our
/// folder then gets a longer name.
final class ScratchFolder {
  let path: String
  /// A descriptor with a shared lock while the folder is in use.
  private let descriptor: Int32

  private static let namePrefix = "streakd-scratch-"

  /// - Parameter parent: Every user must be able to enter it. Made if it does not exist.
  init(in parent: String, user: ServerUser?) throws(PrivateClusterError) {
    if unsafe access(parent, F_OK) != 0 {
      _ = try ChildProcess.run(["mkdir", "-p", "--", try absolutePath(parent)], user: nil)
    }
    guard let parent = resolvedPath(parent) else {
      throw .folderUnusable("cannot find the scratch folder \(parent): \(lastSystemError())")
    }
    // Another program may remove the folder while it is empty.
    for _ in 0..<100 {
      let path: String =
        if let existing = Self.existing(in: parent, user: user).first { existing } else {
          try Self.make(in: parent, user: user)
        }
      let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_SH | LOCK_NB) == 0, Self.isOurs(path, user: user) {
        self.path = path
        self.descriptor = descriptor
        return
      }
      close(descriptor)
      usleep(10_000)
    }
    throw .folderUnusable("cannot make a scratch folder in \(parent)")
  }

  deinit {
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unsafe rmdir(path) }
    close(descriptor)
  }

  /// Our own scratch folders in a folder.
  static func existing(in parent: String, user: ServerUser?) -> [String] {
    let name = "\(namePrefix)\(user?.userID ?? geteuid())"
    let entries = folderEntries(parent) ?? []
    return entries.filter { $0 == name || $0.hasPrefix("\(name)-") }.sorted().map { "\(parent)/\($0)" }
      .filter { isOurs($0, user: user) }
  }

  private static func make(in parent: String, user: ServerUser?) throws(PrivateClusterError) -> String {
    let name = "\(parent)/\(namePrefix)\(user?.userID ?? geteuid())"
    var random = SystemRandomNumberGenerator()
    for path in [name, "\(name)-\(String(random.next(), radix: 36))"] {
      if unsafe mkdir(path, 0o700) == 0 {
        try OwnedFolder.give(path, to: user)
        return path
      }
      guard errno == EEXIST else { break }
    }
    throw .folderUnusable("cannot make a folder in \(parent): \(lastSystemError())")
  }

  private static func isOurs(_ path: String, user: ServerUser?) -> Bool {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return false }
    return status.st_uid == user?.userID ?? geteuid() && status.st_mode & 0o077 == 0
  }
}

/// Checks of a folder's owner: links, and folders of other users, are left alone.
enum OwnedFolder {
  /// Whether this is a folder, not a link to one, and belongs to us or to the server's user.
  static func isOwn(_ path: String, user: ServerUser?) -> Bool {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return false }
    return status.st_uid == geteuid() || status.st_uid == user?.userID
  }

  /// Gives a folder to the server's user, for that user alone. Does not follow links.
  static func give(_ path: String, to user: ServerUser?) throws(PrivateClusterError) {
    let folder = unsafe open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { throw .folderUnusable("cannot open the folder \(path): \(lastSystemError())") }
    defer { close(folder) }
    if let user, fchown(folder, user.userID, user.groupID) != 0 {
      throw .folderUnusable("cannot give \(path) to the user \(user.name): \(lastSystemError())")
    }
    guard fchmod(folder, 0o700) == 0 else {
      throw .folderUnusable("\(path) belongs to another user: \(lastSystemError())")
    }
  }
}

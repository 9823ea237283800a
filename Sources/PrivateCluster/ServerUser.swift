package import Glibc

/// The unprivileged user that PostgreSQL and the serving program run as when they are started by
/// root: PostgreSQL refuses to run as root.
package struct ServerUser: Sendable, Equatable {
  package let name: String
  package let userID: uid_t
  package let groupID: gid_t
  private let home: String

  /// Users that exist on a system with PostgreSQL, best first.
  private static let candidates = ["postgres", "nobody"]

  /// Nil if we are not root: then the server runs as our own user.
  package static func choose() throws(PrivateClusterError) -> ServerUser? {
    guard geteuid() == 0 else { return nil }
    for name in candidates {
      if let user = ServerUser(name: name) { return user }
    }
    throw .folderUnusable(
      "started by root, but there is no user \(candidates.joined(separator: " or ")) to run PostgreSQL as")
  }

  /// The owner of a folder, if we are root and the owner is not; else as `choose()`.
  package static func choose(owning folder: String) throws(PrivateClusterError) -> ServerUser? {
    var status = stat()
    guard geteuid() == 0, unsafe stat(folder, &status) == 0, status.st_uid != 0,
      let entry = unsafe getpwuid(status.st_uid)
    else { return try choose() }
    return unsafe ServerUser(entry.pointee)
  }

  /// The user that a program which serves the network becomes.
  ///
  /// - Parameter name: Its name; nil: as `choose()`; `root`: this process stays root.
  /// - Returns: Nil if this process stays what it is.
  package static func toServe(as name: String?) throws(PrivateClusterError) -> ServerUser? {
    guard let name else { return try choose() }
    guard let user = ServerUser(name: name) else { throw .folderUnusable("there is no user \(name)") }
    guard user.userID != geteuid() else { return nil }
    guard geteuid() == 0 else { throw .folderUnusable("only root can start a server as another user: \(name)") }
    return user
  }

  /// Nil if there is no such user.
  init?(name: String) {
    guard let entry = unsafe getpwnam(name) else { return nil }
    unsafe self.init(entry.pointee)
  }

  private init(_ entry: passwd) {
    unsafe (name, userID, groupID) = (String(cString: entry.pw_name), entry.pw_uid, entry.pw_gid)
    home = unsafe String(cString: entry.pw_dir)
  }

  /// Makes this process run as the user, with all its threads and for good.
  package func become() throws(PrivateClusterError) {
    // Of root these set the real, the effective and the saved id.
    guard unsafe initgroups(name, groupID) == 0, setgid(groupID) == 0, setuid(userID) == 0 else {
      throw .folderUnusable("cannot become the user \(name): \(lastSystemError())")
    }
    guard userID == 0 || setuid(0) != 0 else { throw .folderUnusable("the user \(name) can become root again") }
    // libpq looks for its files there.
    unsafe setenv("HOME", home, 1)
  }
}

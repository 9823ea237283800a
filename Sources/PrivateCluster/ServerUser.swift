package import Glibc

/// The unprivileged user the server runs as when we are root: PostgreSQL refuses to run as root.
package struct ServerUser: Sendable, Equatable {
  package let name: String
  package let userID: uid_t
  package let groupID: gid_t

  /// Users that exist on a system with PostgreSQL, best first.
  private static let candidates = ["postgres", "nobody"]

  /// Nil if we are not root: then the server runs as our own user.
  package static func choose() throws(PrivateClusterError) -> ServerUser? {
    guard geteuid() == 0 else { return nil }
    for name in candidates {
      guard let entry = unsafe getpwnam(name) else { continue }
      return unsafe ServerUser(name: name, userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid)
    }
    throw .folderUnusable(
      "started by root, but there is no user \(candidates.joined(separator: " or ")) to run PostgreSQL as")
  }
}

internal import Glibc

/// A folder with PostgreSQL's programs, and their major version.
package struct PostgresInstallation: Equatable, Sendable {
  package let folder: String
  package let majorVersion: Int

  /// The oldest version the service works with.
  static let majorVersionMin = 15

  /// Finds PostgreSQL in the folders of PATH and where Debian keeps it.
  ///
  /// - Parameter majorVersion: The version that made the cluster; nil if there is none yet, then
  ///   the newest is taken.
  package static func find(majorVersion: Int?) throws(PrivateClusterError) -> PostgresInstallation {
    let installed = folders().compactMap(inspect)
    let fitting = installed.filter {
      $0.majorVersion >= majorVersionMin && ($0.majorVersion == majorVersion ?? $0.majorVersion)
    }
    // Of equals the first: PATH goes before the system's folders.
    guard let newest = fitting.map(\.majorVersion).max(),
      let chosen = fitting.first(where: { $0.majorVersion == newest })
    else {
      let wanted =
        majorVersion.map { "version \($0), which made this data folder" } ?? "version \(majorVersionMin) or newer"
      throw .noPostgres("PostgreSQL \(wanted) is not installed (Debian: apt-get install postgresql)")
    }
    return chosen
  }

  /// Where programs of PostgreSQL may be: the folders of PATH, then those where Debian keeps each
  /// version.
  package static func folders() -> [String] { searchPath() + debianFolders() }

  private static func searchPath() -> [String] {
    guard let path = unsafe getenv("PATH") else { return [] }
    return unsafe String(cString: path).split(separator: ":").map(String.init)
  }

  private static func debianFolders() -> [String] {
    folderEntries("/usr/lib/postgresql").map { "/usr/lib/postgresql/\($0)/bin" }
  }

  /// Reads the version from "postgres (PostgreSQL) 15.8 (Debian ...)"; nil if the programs are not
  /// in this folder.
  private static func inspect(_ folder: String) -> PostgresInstallation? {
    guard unsafe access("\(folder)/postgres", X_OK) == 0, unsafe access("\(folder)/initdb", X_OK) == 0,
      let text = try? ChildProcess.run(["\(folder)/postgres", "--version"], user: nil)
    else { return nil }
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard words.count >= 3, let major = Int(words[2].prefix(while: \.isNumber)) else { return nil }
    return PostgresInstallation(folder: folder, majorVersion: major)
  }
}

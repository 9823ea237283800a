internal import Glibc

/// A folder with PostgreSQL's programs, and their major version.
package struct PostgresInstallation: Equatable, Sendable {
  package let folder: String
  package let majorVersion: Int

  /// The oldest major version that the service supports.
  static let majorVersionMin = 15

  /// Finds PostgreSQL in the folders of PATH and in Debian's folders.
  ///
  /// - Parameter majorVersion: The version that made the cluster; nil if there is no cluster yet,
  ///   then the newest version is taken.
  package static func find(majorVersion: Int?) throws(PrivateClusterError) -> PostgresInstallation {
    let installed = folders().compactMap(inspect)
    let fitting = installed.filter {
      $0.majorVersion >= majorVersionMin && ($0.majorVersion == majorVersion ?? $0.majorVersion)
    }
    // The first one of equal versions: PATH goes before the system's folders.
    guard let newest = fitting.map(\.majorVersion).max(),
      let chosen = fitting.first(where: { $0.majorVersion == newest })
    else {
      let wanted =
        majorVersion.map { "version \($0), which made this data folder" } ?? "version \(majorVersionMin) or newer"
      throw .noPostgres("PostgreSQL \(wanted) is not installed (Debian: apt-get install postgresql)")
    }
    return chosen
  }

  /// The folders that may hold PostgreSQL's programs: those of PATH, then Debian's folder of each
  /// version.
  package static func folders() -> [String] { searchPath() + debianFolders() }

  private static func searchPath() -> [String] {
    guard let path = unsafe getenv("PATH") else { return [] }
    return unsafe String(cString: path).split(separator: ":").map(String.init)
  }

  private static func debianFolders() -> [String] {
    (folderEntries("/usr/lib/postgresql") ?? []).map { "/usr/lib/postgresql/\($0)/bin" }
  }

  /// Reads the version from "postgres (PostgreSQL) 15.8 (Debian ...)"; nil if the folder does not
  /// hold the programs.
  private static func inspect(_ folder: String) -> PostgresInstallation? {
    guard unsafe access("\(folder)/postgres", X_OK) == 0, unsafe access("\(folder)/initdb", X_OK) == 0,
      let text = try? ChildProcess.run(["\(folder)/postgres", "--version"], user: nil)
    else { return nil }
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard words.count >= 3, let major = Int(words[2].prefix(while: \.isNumber)) else { return nil }
    return PostgresInstallation(folder: folder, majorVersion: major)
  }
}

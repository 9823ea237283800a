internal import Glibc
internal import PrivateCluster

/// PostgreSQL's client programs of one version.
struct PostgresPrograms {
  let dump: String
  let psql: String
  /// psql's version, such as "15.18".
  let version: String
  let majorVersion: Int

  /// Finds the programs: in the folders of PostgreSQL servers first, then in Debian's folder, then
  /// in PATH. The newest version is taken.
  ///
  /// - Parameter majorVersion: For a dump, the server's version, because an older server may not
  ///   read a newer pg_dump's output. Nil: any.
  init(majorVersion: Int? = nil) throws(OperationsError) {
    let folders = PostgresInstallation.folders().filter {
      unsafe access("\($0)/pg_dump", X_OK) == 0 && access("\($0)/psql", X_OK) == 0
    }
    let withServer = folders.filter { Files.exists("\($0)/postgres") }
    var best: PostgresPrograms?
    for folder in withServer + folders.filter({ !withServer.contains($0) }) {
      guard let found = PostgresPrograms(in: folder), found.majorVersion == majorVersion ?? found.majorVersion,
        found.majorVersion > best?.majorVersion ?? 0
      else { continue }
      best = found
    }
    guard let best else {
      guard let majorVersion else {
        throw .programFailed("psql and pg_dump are not installed (Debian: apt-get install postgresql-client)")
      }
      throw .refused(
        "the server is PostgreSQL \(majorVersion), and pg_dump of that version is not installed (Debian: apt-get install "
          + "postgresql-client-\(majorVersion)); what another version writes may not be restored into it")
    }
    self = best
  }

  /// Nil if the folder's programs do not run.
  private init?(in folder: String) {
    let line = Program.firstLine(["\(folder)/psql", "--version"])
    guard let version = line?.split(separator: " ").first(where: { $0.first?.isNumber ?? false }),
      let major = Int(version.prefix(while: \.isNumber))
    else { return nil }
    (dump, psql) = ("\(folder)/pg_dump", "\(folder)/psql")
    (self.version, majorVersion) = (String(version), major)
  }

  /// Checks that psql has the restricted mode, in which it ignores its own commands in the input.
  ///
  /// Source: PostgreSQL's release notes of 2025-08-14, CVE-2025-8714: `\restrict`, in 13.22, 14.19,
  /// 15.14, 16.10, 17.6 and later.
  func requireRestrictedMode() throws(OperationsError) {
    let help: String
    do throws(PrivateClusterError) {
      help = try ChildProcess.run([psql, "--help=commands"], user: nil)
    } catch {
      throw .programFailed("\(error)")
    }
    guard help.split(whereSeparator: \.isWhitespace).contains("\\restrict") else {
      throw .refused(
        "psql \(version) is older than the mode that dumps are read in (\\restrict): install the current postgresql-client-\(majorVersion)"
      )
    }
  }

  /// libpq's variables in our own environment, followed by those of the connection string, which
  /// win.
  static func environment(_ connection: [String]) -> [String] {
    var variables: [String] = []
    var next = unsafe environ
    while let text = unsafe next.pointee {
      let variable = unsafe String(cString: text)
      if variable.hasPrefix("PG") || variable.hasPrefix("HOME=") { variables.append(variable) }
      unsafe next += 1
    }
    let names = Set(connection.map { $0.prefix { $0 != "=" } })
    return variables.filter { !names.contains($0.prefix { $0 != "=" }) } + connection
  }
}

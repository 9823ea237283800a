internal import Glibc
internal import PrivateCluster

/// A program that runs as our child, and what it complained about.
struct Program {
  let name: String
  private let child: ChildProcess
  private let errors: Descriptor

  /// Starts a program as our own user.
  ///
  /// - Parameters:
  ///   - input: Where it reads from; nil: nothing.
  ///   - output: Where it writes to. Both are ours to close.
  init(
    _ arguments: [String], input: Descriptor? = nil, output: Descriptor, environment: [String] = []
  ) throws(OperationsError) {
    name = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
    errors = try Descriptor.temporary()
    do throws(PrivateClusterError) {
      child = try ChildProcess.start(
        arguments, user: nil, input: input?.number, output: output.number, errors: errors.number,
        environment: environment)
    } catch {
      throw .programFailed("\(error)")
    }
  }

  /// Waits for its end. To be called once.
  ///
  /// - Returns: What went wrong, with its last words; nil if nothing did.
  func failure() -> String? {
    let end = child.waitForEnd()
    guard end != .exited(0) else { return nil }
    // env, which starts every program, says 127 for one that is not there.
    if end == .exited(127) { return "\(name) is not installed (Debian: apt-get install \(Self.package(of: name)))" }
    let words = errors.lastWords()
    return "\(name) \(end)\(words.isEmpty ? "" : ": \(words)")"
  }

  func kill() { _ = Glibc.kill(child.processID, SIGKILL) }

  private static func package(of name: String) -> String {
    switch name {
    case "pg_dump", "psql": "postgresql-client"
    default: name
    }
  }

  /// Runs a program to its end and returns the first line it printed; nil if it failed.
  static func firstLine(_ arguments: [String]) -> String? {
    (try? ChildProcess.run(arguments, user: nil))?.split(separator: "\n").first.map(String.init)
  }
}

/// PostgreSQL's programs: those of the newest server that is installed, else those on the path.
struct PostgresPrograms {
  let dump: String
  let psql: String

  init() {
    let newest = try? PostgresInstallation.find(majorVersion: nil)
    let folders = newest.map { ["\($0.folder)/", "/usr/lib/postgresql/\($0.majorVersion)/bin/"] } ?? []
    let folder = folders.first { Files.exists("\($0)pg_dump") && Files.exists("\($0)psql") } ?? ""
    dump = "\(folder)pg_dump"
    psql = "\(folder)psql"
  }

  /// The variables of our own environment that libpq reads, before those of the connection string.
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

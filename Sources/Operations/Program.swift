internal import Glibc
internal import PrivateCluster

/// A child process, and the errors that it printed.
struct Program {
  let name: String
  private let child: ChildProcess
  private let errors: Descriptor
  private let progress: Progress?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - input: Its standard input; nil: empty.
  ///   - output: Its standard output. The caller closes both.
  ///   - user: The user that it runs as; nil: this process's own.
  ///   - progress: Ends the program when the run is cancelled.
  init(
    _ arguments: [String], input: Descriptor? = nil, output: Descriptor, environment: [String] = [],
    user: ServerUser? = nil, progress: Progress? = nil
  ) throws(OperationsError) {
    name = arguments.first?.split(separator: "/").last.map(String.init) ?? ""
    errors = try Descriptor.temporary()
    do throws(PrivateClusterError) {
      child = try ChildProcess.start(
        arguments, user: user, input: input?.number, output: output.number, errors: errors.number,
        environment: environment)
    } catch {
      throw .programFailed("\(error)")
    }
    self.progress = progress
    if let progress { _ = progress.began(child.processID) }
  }

  /// Waits for the program's end. Call it once.
  ///
  /// - Returns: The failure, with the program's last output; nil if it succeeded.
  func failure() -> String? {
    if let progress {
      child.waitWithoutCollecting()
      progress.ended(child.processID)
    }
    let end = child.waitForEnd()
    if let progress, progress.isCancelled, end == .killed(signal: SIGKILL) {
      return "\(name) was stopped with this program"
    }
    guard end != .exited(0) else { return nil }
    // env, which starts every program, exits with 127 if the program is not found.
    if end == .exited(127) { return "\(name) is not installed (Debian: apt-get install \(Self.package(of: name)))" }
    let output = errors.lastOutput()
    return "\(name) \(end)\(output.isEmpty ? "" : ": \(output)")"
  }

  func kill() { _ = Glibc.kill(child.processID, SIGKILL) }

  private static func package(of name: String) -> String {
    switch name {
    case "pg_dump", "psql": "postgresql-client"
    default: name
    }
  }

  /// Runs a program to its end and returns the first line of its output; nil if it failed.
  static func firstLine(_ arguments: [String]) -> String? {
    (try? ChildProcess.run(arguments, user: nil))?.split(separator: "\n").first.map(String.init)
  }
}

extension ServerUser {
  /// The unprivileged user for work that does not need root; nil if we are not root.
  static func chosen() throws(OperationsError) -> ServerUser? {
    do throws(PrivateClusterError) { return try choose() } catch { throw .programFailed("\(error)") }
  }
}

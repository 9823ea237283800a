internal import Glibc
internal import PrivateCluster

/// A program that runs as our child, and what it complained about.
struct Program {
  let name: String
  private let child: ChildProcess
  private let errors: Descriptor
  private let progress: Progress?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - input: Where it reads from; nil: nothing.
  ///   - output: Where it writes to. Both are ours to close.
  ///   - user: The user that it runs as; nil: this process's own.
  ///   - progress: Ends the program when it is cancelled.
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

  /// Waits for its end. To be called once.
  ///
  /// - Returns: What went wrong, with its last words; nil if nothing did.
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

extension ServerUser {
  /// The unprivileged user for what need not be done as root; nil if we are not root.
  static func chosen() throws(OperationsError) -> ServerUser? {
    do throws(PrivateClusterError) { return try choose() } catch { throw .programFailed("\(error)") }
  }
}

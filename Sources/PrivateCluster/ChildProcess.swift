package import Glibc
internal import Synchronization

/// A child process in a session of its own: Ctrl-C at the terminal reaches only the parent, which
/// then stops the child in order.
package struct ChildProcess: Sendable {
  package let processID: pid_t

  /// Starts a program. No signal is blocked or ignored.
  ///
  /// - Parameters:
  ///   - user: The user that it runs as; nil: this process's user.
  ///   - input: The descriptor for its standard input; nil: it is empty.
  ///   - output: The descriptor for its standard output.
  ///   - errors: The descriptor for its standard error; nil: the same as `output`.
  ///   - environment: NAME=VALUE, in addition to the variables that every child gets. Pass secrets
  ///     here, where other users cannot read them, not as arguments.
  ///   - endsWithUs: The system ends it (SIGQUIT) once the calling thread is gone.
  package static func start(
    _ arguments: [String], user: ServerUser?, input: Int32? = nil, output: Int32, errors: Int32? = nil,
    environment additions: [String] = [], endsWithUs: Bool = false
  ) throws(PrivateClusterError) -> ChildProcess {
    // Each of these programs replaces itself by the next one, so that the process id is the
    // program's. Every user may enter the working folder.
    var command = ["env", "--chdir=/", "setsid"]
    // Only root can change the user, and a process that has become it need not.
    let user = geteuid() == user?.userID ? nil : user
    if user != nil || endsWithUs { command.append("setpriv") }
    if let user {
      command += ["--reuid=\(user.userID)", "--regid=\(user.groupID)", "--init-groups", "--no-new-privs"]
    }
    if endsWithUs { command.append("--pdeathsig=QUIT") }
    if user != nil || endsWithUs { command.append("--") }
    command += arguments
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let input {
      unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors ?? output, 2)

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    // Messages in one language and one time zone, independent of the operator's environment.
    let environment = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C", "TZ=UTC"] + additions
    var processID: pid_t = 0
    let failure = spawning.withLock { _ in
      unsafe withCStrings(command) { (argumentPointers) in
        unsafe withCStrings(environment) { (environmentPointers) in
          unsafe posix_spawnp(
            &processID, command[0], &actions, &attributes, argumentPointers, environmentPointers)
        }
      }
    }
    guard failure == 0 else {
      throw .programFailed("cannot start \(arguments[0]): \(unsafe String(cString: strerror(failure)))")
    }
    return ChildProcess(processID: processID)
  }

  /// Held while a child is started, and until a new pipe is marked as close-on-exec: a pipe
  /// inherited by another thread's child would never end.
  private static let spawning = Mutex(())

  /// A pipe that children do not inherit unless it is passed to them: the end to read from, and the
  /// end to write to.
  package static func pipe() throws(PrivateClusterError) -> [Int32] {
    var ends: [Int32] = [-1, -1]
    let isMade = spawning.withLock { _ in
      guard unsafe Glibc.pipe(&ends) == 0 else { return false }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      return true
    }
    guard isMade else { throw .programFailed("no pipe: \(lastSystemError())") }
    return ends
  }

  /// Runs a program to its end and returns what it printed, at most 64 KiB.
  package static func run(
    _ arguments: [String], user: ServerUser?, endsWithUs: Bool = false
  ) throws(PrivateClusterError) -> String {
    let ends = try pipe()
    let child: ChildProcess
    do throws(PrivateClusterError) {
      child = try start(arguments, user: user, output: ends[1], endsWithUs: endsWithUs)
    } catch {
      close(ends[0])
      close(ends[1])
      throw error
    }
    close(ends[1])
    let text = readAll(ends[0], byteLimit: 65_536)
    close(ends[0])
    let end = child.waitForEnd()
    guard end == .exited(0) else {
      throw .programFailed("\(arguments.joined(separator: " ")) \(end)\n\(text)")
    }
    return text
  }

  /// How a process ended.
  package enum End: Equatable, CustomStringConvertible {
    case exited(Int32)
    case killed(signal: Int32)

    package var description: String {
      switch self {
      case .exited(let code): "exited with code \(code)"
      case .killed(let signal): "was killed by signal \(signal)"
      }
    }
  }

  /// Waits for the process to end; its process id is not reused before `waitForEnd()`.
  package func waitWithoutCollecting() {
    var information = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
  }

  /// Waits for the process to end, and releases its process id. Call it once.
  package func waitForEnd() -> End {
    var status: Int32 = 0
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
    let signal = status & 0x7F
    return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
  }
}

/// Lends the texts as a C array of C strings that ends with NULL.
private func withCStrings<Value>(
  _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
  var pointers: [UnsafeMutablePointer<CChar>?] = unsafe texts.map { unsafe strdup($0) }
  unsafe pointers.append(nil)
  defer { unsafe pointers.forEach { unsafe free($0) } }
  return unsafe pointers.withUnsafeMutableBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("an array with a terminator has a base") }
    return unsafe body(base)
  }
}

internal import Glibc
internal import PrivateCluster

/// Hands messages to a program with sendmail's interface: the message on its standard input, the
/// recipient in the message's own header (`-t`), and exit codes of sysexits.h.
package struct CommandTransport: MailTransport {
  private let command: [String]
  private let limits: MailLimits

  /// - Parameter command: A program's absolute path and its arguments, separated by spaces; nil if
  ///   it is none.
  package init?(_ command: String, limits: MailLimits = MailLimits()) {
    let words = command.split(separator: " ").map(String.init)
    guard words.first?.hasPrefix("/") ?? false else { return nil }
    self.command = words
    self.limits = limits
  }

  package func deliver(_ message: MailMessage) -> MailOutcome {
    // Recipients are no arguments: every user of the machine can read those.
    let limit = ["timeout", "--kill-after=\(MailLimits.killSeconds)", "\(limits.deliverySeconds)"]
    let arguments = limit + command + ["-t", "-i", "-f", message.sender.address.text]
    let null = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
    guard null >= 0 else { return .failed("/dev/null cannot be opened") }
    defer { close(null) }
    let child: ChildProcess
    let ends: [Int32]
    do throws(PrivateClusterError) {
      ends = try ChildProcess.pipe()
    } catch {
      return .failed("no pipe")
    }
    do throws(PrivateClusterError) {
      // Its output is dropped: it may repeat the message.
      child = try ChildProcess.start(arguments, user: nil, input: ends[0], output: null)
    } catch {
      close(ends[0])
      close(ends[1])
      return .failed("\(command[0]) cannot be started")
    }
    close(ends[0])
    let isWritten = Self.write(message.bytes, to: ends[1])
    close(ends[1])
    let end = child.waitForEnd()
    switch end {
    case .exited(EX_OK):
      return isWritten ? .accepted : .failed("\(command[0]) did not read the message")
    // The recipient's address, its host, or the message itself.
    case .exited(EX_NOUSER), .exited(EX_NOHOST), .exited(EX_DATAERR):
      return .refused("\(command[0]) \(end)")
    case .exited(124), .exited(137), .killed(signal: SIGKILL):
      return .failed("\(command[0]) took longer than \(limits.deliverySeconds) s")
    default: return .failed("\(command[0]) \(end)")
    }
  }

  /// - Returns: Whether the program took all of it. The process ignores SIGPIPE.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}

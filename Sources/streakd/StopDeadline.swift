import Glibc
import Logging
import Operations
import ProgramSupport

/// Ends the process when its stop takes too long. On a thread of its own, because a loop may be
/// what does not end.
enum StopDeadline {
  /// How long a stop may take after `grace-seconds`, in seconds. Less than a service manager waits:
  /// see the documents.
  static let seconds = 45

  /// - Parameter parts: Named in the log.
  static func start(graceSeconds: Int, _ parts: StoppingParts, _ logger: Logger) {
    startOwnThread {
      var left = UInt32(graceSeconds + seconds)
      while left > 0 { left = sleep(left) }
      logger.error(
        "these parts did not end in time, and end with the process",
        metadata: ["parts": "\(parts.names.joined(separator: ", "))"])
      // The private PostgreSQL ends with this process: see `PrivateCluster`.
      _exit(1)
    }
  }
}

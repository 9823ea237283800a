import Glibc
import Operations

/// One line with the progress, on standard error if that is a terminal.
struct ProgressDisplay {
  private let task: Task<Void, Never>?

  /// Nanoseconds between two updates.
  private static let intervalNanoseconds: UInt64 = 200_000_000

  init(_ progress: Progress) {
    guard isatty(2) == 1 else {
      task = nil
      return
    }
    var began = timespec()
    clock_gettime(CLOCK_MONOTONIC, &began)
    let start = began.tv_sec
    task = Task {
      while !Task.isCancelled {
        Self.show(progress, since: start)
        try? await Task.sleep(nanoseconds: Self.intervalNanoseconds)
      }
    }
  }

  func end() {
    guard let task else { return }
    task.cancel()
    Self.write("\r\u{1B}[K")
  }

  private static func show(_ progress: Progress, since start: Int) {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    var line = "\r\u{1B}[K\(progress.phase)  \(now.tv_sec - start) s"
    if progress.dumpBytes > 0 { line += "  data \(megabytes(progress.dumpBytes))" }
    if progress.fileBytes > 0 { line += "  encrypted \(megabytes(progress.fileBytes))" }
    write(line)
  }

  static func megabytes(_ bytes: Int) -> String {
    "\(bytes / 1_000_000).\(bytes % 1_000_000 / 100_000) MB"
  }

  private static func write(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
  }
}

import EventLoop
import Glibc
import Logging
import TLS

/// Reads the server's certificate again on SIGHUP, and when its files have changed. Existing
/// connections keep the old one. Loop-confined.
final class CertificateReloader {
  private let context: TLSContext
  private let files: TLSServerFiles
  private let logger: Logger
  private var seen: [Int]
  private var timer: LoopTimer?
  private var signal: SignalWatcher?

  /// - Parameter checkSeconds: Time between two checks of the files, 1 or more.
  init(context: TLSContext, files: TLSServerFiles, checkSeconds: Int, loop: EventLoop, logger: Logger) {
    self.context = context
    self.files = files
    self.logger = logger
    seen = Self.state(of: files)
    if let mode = Self.status(files.privateKey)?.st_mode, mode & 0o077 != 0 {
      logger.warning("the TLS key can be read by others than its owner", metadata: ["file": "\(files.privateKey)"])
    }
    let interval = UInt64(checkSeconds) * 1_000
    timer = loop.schedule(afterMilliseconds: interval, repeatMilliseconds: interval) { [unowned self] in
      if Self.state(of: self.files) != seen { reload() }
    }
    signal = SignalWatcher(loop: loop, number: SIGHUP) { [unowned self] in reload() }
  }

  func close() {
    timer = nil
    signal?.close()
    signal = nil
  }

  private func reload() {
    seen = Self.state(of: files)
    do throws(TLSError) {
      try context.reload()
      logger.info("the TLS certificate was read again")
    } catch {
      logger.error("the new TLS certificate cannot be used; the old one stays", metadata: ["reason": "\(error)"])
    }
  }

  /// Attributes that change when a file is written or replaced.
  private static func state(of files: TLSServerFiles) -> [Int] {
    [files.certificateChain, files.privateKey, files.clientAuthorities].compactMap { $0 }.flatMap { path in
      status(path).map { [Int($0.st_ino), $0.st_mtim.tv_sec, $0.st_mtim.tv_nsec] } ?? []
    }
  }

  private static func status(_ path: String) -> stat? {
    var status = stat()
    return stat(path, &status) == 0 ? status : nil
  }
}

import EventLoop
import Glibc
import Logging
import Operations
import TLS

/// Reads the server's certificate again on SIGHUP, and when its files have changed: connections
/// that exist go on as they are. Loop-confined; files are looked at on threads of their own.
final class CertificateReloader {
  private let context: TLSContext
  private let source: CertificateFiles
  private let loop: EventLoop
  private let logger: Logger
  private var seen: [String]
  private var timer: LoopTimer?
  private var signal: SignalWatcher?
  private var isLooking = false
  /// The end of the certificate whose expiry was logged.
  private var loggedEnd: Int64?
  /// A look that is due once the one under way is over; its value: whatever the files' state is.
  private var next: Bool?

  /// - Parameters:
  ///   - seen: The state of the files when the context was made.
  ///   - checkSeconds: Time between two looks at the files, 1 or more.
  init(
    context: TLSContext, source: CertificateFiles, seen: [String], checkSeconds: Int, loop: EventLoop, logger: Logger
  ) {
    self.context = context
    self.source = source
    self.seen = seen
    self.loop = loop
    self.logger = logger
    let interval = UInt64(checkSeconds) * 1_000
    timer = loop.schedule(afterMilliseconds: interval, repeatMilliseconds: interval) { [unowned self] in
      logExpiry()
      look(isForced: false)
    }
    signal = SignalWatcher(loop: loop, number: SIGHUP) { [unowned self] in look(isForced: true) }
  }

  func close() {
    timer = nil
    signal?.close()
    signal = nil
  }

  private func logExpiry() {
    guard let end = context.certificateEndSeconds, end <= Int64(time(nil)), end != loggedEnd else { return }
    loggedEnd = end
    logger.error("the TLS certificate has expired: clients refuse it")
  }

  /// - Parameter isForced: Reads the files also if they have not changed.
  private func look(isForced: Bool) {
    guard !isLooking else {
      if isForced || next == nil { next = isForced }
      return
    }
    isLooking = true
    let (context, source, seen) = (context, source, seen)
    let own = LoopBound(self, loop: loop)
    Task(executorPreference: loop) {
      let (state, failure) =
        await onOwnThread { () -> ([String], String?)? in
          let state = source.state()
          guard isForced || state != seen else { return nil }
          return (state, source.load(into: context))
        } ?? (seen, nil)
      own.value.looked(state, failure, isRead: isForced || state != seen)
    }
  }

  private func looked(_ state: [String], _ failure: String?, isRead: Bool) {
    isLooking = false
    if isRead {
      seen = state
      if let failure {
        logger.error("the new TLS certificate cannot be used; the old one stays", metadata: ["reason": "\(failure)"])
      } else {
        logger.info("the TLS certificate was read again")
      }
    }
    guard let isForced = next else { return }
    next = nil
    if timer != nil { look(isForced: isForced) }
  }
}

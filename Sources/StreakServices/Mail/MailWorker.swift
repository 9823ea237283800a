package import Mail
package import Logging
package import EventLoop
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
package import StreakStore
internal import Synchronization

/// Sends the mails of the outbox. One for the process; any number of processes share an outbox.
///
/// A mail whose acceptance by the mail server is known is not sent again. Where it is not known, as
/// after a broken connection or the end of the process, the mail is sent again under the same
/// Message-ID: none is lost.
package final class MailWorker: Sendable {
  /// Mails that one process hands over at the same time.
  package static let deliveriesMax = 4
  /// How long a taken mail is left to this process, in seconds: longer than any delivery takes.
  package static let leaseSeconds = Int32(MailLimits().deliverySeconds * 2)
  /// Time between two looks at the outbox, in milliseconds.
  static let pollMilliseconds: UInt64 = 1_000
  /// The same while mails are waiting for their turn.
  static let busyPollMilliseconds: UInt64 = 100
  /// Looks at the outbox between two counts of what waits there.
  static let pollsPerCount = 15
  /// Time until the second attempt, in seconds; each further one takes twice as long.
  static let retrySeconds = 30
  /// The longest time between two attempts, in seconds.
  static let retrySecondsMax = 1_800

  private struct State {
    var counts = MailCounts()
    /// Mails that this process has in hand: under way, or sent and not noted yet.
    var inHand: Set<Identifier> = []
    var isStopping = false
  }

  private let state = Mutex(State())
  private let store: StreakStore
  private let loop: EventLoop
  private let composer: MailComposer
  private let deliver: @Sendable (MailMessage) async -> MailOutcome
  private let logger: Logger
  private let faults: FaultLog

  /// - Parameters:
  ///   - loop: One of the store's loops.
  ///   - deliver: Hands a message to the mail server, off the loop.
  package init(
    store: StreakStore, loop: EventLoop, settings: MailSettings, logger: Logger,
    deliver: @escaping @Sendable (MailMessage) async -> MailOutcome
  ) {
    self.store = store
    self.loop = loop
    composer = MailComposer(sender: settings.sender, seal: MailSeal(store: store))
    self.deliver = deliver
    self.logger = logger
    faults = FaultLog(logger: logger)
  }

  package var counts: MailCounts { state.withLock { $0.counts } }

  /// Runs until the task is cancelled.
  package func start() -> Task<Void, Never> {
    Task(executorPreference: loop) { [self] in
      var polls = 0
      while !Task.isCancelled {
        if polls % Self.pollsPerCount == 0 { await count() }
        polls += 1
        let isBusy = await takeMails()
        await loop.sleep(milliseconds: isBusy ? Self.busyPollMilliseconds : Self.pollMilliseconds)
      }
    }
  }

  /// Waits until no delivery is under way, for a limited time. Cancel the task of `start()` first.
  package func stop(graceMilliseconds: UInt64) async {
    state.withLock { $0.isStopping = true }
    await Task(executorPreference: loop) { [self] in
      let end = loop.nowMilliseconds + graceMilliseconds
      while state.withLock({ !$0.inHand.isEmpty }), loop.nowMilliseconds < end {
        await loop.sleep(milliseconds: Self.busyPollMilliseconds)
      }
    }.value
  }

  private func count() async {
    guard let waiting = try? await store.waitingMailCount() else { return }
    state.withLock { $0.counts.waiting = waiting }
  }

  /// - Returns: Whether there may be more to take soon.
  private func takeMails() async -> Bool {
    let room = state.withLock { $0.isStopping ? 0 : Self.deliveriesMax - $0.inHand.count }
    guard room > 0 else { return true }
    let mails: [DueMail]
    do {
      mails = try await store.takeMails(countMax: Int32(room), leaseSeconds: Self.leaseSeconds)
    } catch {
      faults.note("outbox", level: .warning, "the outbox cannot be read", ["reason": "\(error)"])
      return false
    }
    for mail in mails {
      // A lease that ended before the outcome was noted: this process still knows better.
      guard state.withLock({ $0.inHand.insert(mail.mailID).inserted }) else { continue }
      Task(executorPreference: loop) { [self] in
        await handle(mail)
        state.withLock { _ = $0.inHand.remove(mail.mailID) }
      }
    }
    return !mails.isEmpty
  }

  private func handle(_ mail: DueMail) async {
    guard !mail.isExpired else { return await giveUp(mail, "it is out of date") }
    guard MailKind(rawValue: mail.kind) != nil else {
      // A newer program's: one of its processes takes it.
      return await note { () throws(StoreError) in try await self.postpone(mail) }
    }
    guard let message = composer.message(mail, at: .now()) else { return await giveUp(mail, "it cannot be read") }
    switch await deliver(message) {
    case .accepted:
      state.withLock { $0.counts.sent += 1 }
      await finish(mail, isSent: true)
    case .refused(let reason):
      state.withLock { $0.counts.refused += 1 }
      logger.warning("the mail server refuses a mail for good", metadata: Self.metadata(mail, reason))
      await finish(mail, isSent: false)
    case .failed(let reason):
      state.withLock { $0.counts.failedAttempts += 1 }
      faults.note("delivery", level: .warning, "a mail cannot be sent now", Self.metadata(mail, reason))
      await note { () throws(StoreError) in try await self.postpone(mail) }
    }
  }

  private func giveUp(_ mail: DueMail, _ reason: String) async {
    state.withLock { $0.counts.givenUp += 1 }
    logger.error("a mail is given up", metadata: Self.metadata(mail, reason))
    await finish(mail, isSent: false)
  }

  /// Neither addresses nor contents.
  private static func metadata(_ mail: DueMail, _ reason: String) -> Logger.Metadata {
    let kind = MailKind(rawValue: mail.kind).map { "\($0)" } ?? "\(mail.kind)"
    return ["mail": "\(mail.mailID)", "kind": "\(kind)", "attempts": "\(mail.attempts)", "reason": "\(reason)"]
  }

  private func finish(_ mail: DueMail, isSent: Bool) async {
    await note { () throws(StoreError) in try await self.store.finishMail(mail, isSent: isSent) }
  }

  private func postpone(_ mail: DueMail) async throws(StoreError) {
    try await store.postponeMail(mail, seconds: Self.retryDelay(attempts: mail.attempts))
  }

  /// The seconds until the next attempt, up to a quarter more by chance, so that mails of one
  /// failure do not stay together.
  static func retryDelay(attempts: Int32) -> Int32 {
    let doublings = min(max(attempts, 1) - 1, 16)
    let seconds = min(retrySeconds << doublings, retrySecondsMax)
    return Int32(seconds + Int.random(in: 0...seconds / 4))
  }

  /// Stores an outcome, again and again until the database has it: the mail server has the mail.
  private func note(_ store: () async throws(StoreError) -> Void) async {
    while true {
      do throws(StoreError) {
        return try await store()
      } catch {
        faults.note("outcome", level: .warning, "a mail's outcome cannot be stored yet", ["reason": "\(error)"])
        guard !state.withLock({ $0.isStopping }) else { return }
        await loop.sleep(milliseconds: Self.pollMilliseconds)
      }
    }
  }
}

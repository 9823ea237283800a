internal import EventLoop
internal import Postgres
internal import StreakDomain

/// Passes on the hints of the changes that one loop has stored: at once to the devices that watch
/// through this process, and in few notifications to other processes, while devices watch there.
/// Loop-confined.
///
/// A hint follows its commit, over the listener's own connection: PostgreSQL lets transactions with
/// notifications commit one after the other, which no durable write may wait for. A lost hint is
/// made up for by the devices' timer.
final class HintRelay {
  /// Least milliseconds between two notifications of one loop.
  static let intervalMilliseconds: UInt64 = 5
  /// Most users whose hints wait for the next notification; hints of further users are lost.
  static let pendingUsersMax = 4_096

  private let loop: EventLoop
  private let sender: Identifier
  private let watching: WatchPresence
  private let board: HintBoard
  /// One for each user, for the user's last change.
  private var pending: [Identifier: ChangeHint] = [:]
  private var timer: LoopTimer?
  /// The loop's connection for notifications; nil: hints reach this process only.
  weak var listener: NotificationListener?

  init(loop: EventLoop, sender: Identifier, watching: WatchPresence, board: HintBoard) {
    self.loop = loop
    self.sender = sender
    self.watching = watching
    self.board = board
  }

  /// Passes on a hint of a change that is stored.
  func send(_ hint: ChangeHint) {
    if watching.isWatchedHere { board.post(hint) }
    guard watching.isWatchedElsewhere else { return }
    if let earlier = pending[hint.userID] {
      pending[hint.userID] = earlier.merged(with: hint)
    } else {
      guard pending.count < Self.pendingUsersMax else { return }
      pending[hint.userID] = hint
    }
    schedule()
  }

  private func schedule() {
    guard timer == nil else { return }
    timer = loop.schedule(afterMilliseconds: Self.intervalMilliseconds) { [unowned self] in
      timer = nil
      notify()
    }
  }

  private func notify() {
    guard watching.isWatchedElsewhere, let listener else { return pending = [:] }
    let payloads = ChangeHint.payloads(Array(pending.values)).map { "\(sender)/\($0)" }
    // Not sent: an earlier notification is on its way, or the connection is being made.
    guard listener.notify(ChangeHint.channel, payloads) else { return schedule() }
    pending = [:]
  }

  /// The hints of a notification; none if this process sent it: its own devices have been notified.
  static func hints(in payload: String, receiver: Identifier) -> [ChangeHint] {
    let parts = payload.split(separator: "/", maxSplits: 1)
    guard parts.count == 2, parts[0] != receiver.description else { return [] }
    return ChangeHint.hints(inPayload: String(parts[1]))
  }
}

extension ChangeHint {
  /// One hint for two changes of one user.
  func merged(with other: ChangeHint) -> ChangeHint {
    ChangeHint(
      userID: userID, changeNumber: max(changeNumber, other.changeNumber),
      deviceID: deviceID == other.deviceID ? deviceID : nil)
  }
}

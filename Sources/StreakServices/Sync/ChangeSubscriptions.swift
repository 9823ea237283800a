internal import EventLoop
internal import StreakDomain
internal import StreakStore

/// The open streams of one loop that subscribe to changes of their person. Loop-confined.
final class ChangeSubscriptions {
  private var subscriptions: [Identifier: [ChangeSubscription]] = [:]

  /// The number of subscribed streams.
  var count: Int { subscriptions.values.reduce(0) { $0 + $1.count } }

  func subscribe(_ userID: Identifier, deviceID: Identifier?, on loop: EventLoop) -> ChangeSubscription {
    let subscription = ChangeSubscription(deviceID: deviceID, loop: loop)
    subscriptions[userID, default: []].append(subscription)
    return subscription
  }

  func unsubscribe(_ subscription: ChangeSubscription, _ userID: Identifier) {
    subscriptions[userID]?.removeAll { $0 === subscription }
    if subscriptions[userID]?.isEmpty == true { subscriptions[userID] = nil }
  }

  func handle(_ event: StoreEvent) {
    switch event {
    case .change(let hint):
      for subscription in subscriptions[hint.userID] ?? [] where subscription.isFromOtherDevice(hint) {
        subscription.signal(.changed(hint.changeNumber))
      }
    case .revocation(let userID):
      for subscription in subscriptions[userID] ?? [] { subscription.signal(.credentialsChanged) }
    case .listening:
      for subscription in subscriptions.values.joined() {
        subscription.signal(.credentialsChanged)
        subscription.signal(.perhapsChanged)
      }
    }
  }
}

/// The signals that one stream waits for: at most one of each kind is kept until it is taken.
/// Loop-confined.
final class ChangeSubscription {
  enum Signal: Equatable {
    /// Another device has made this change.
    case changed(Int64)
    /// Notifications of changes may have been missed.
    case perhapsChanged
    /// The person's credentials, perhaps the stream's own, were revoked, or such a notification may
    /// have been missed.
    case credentialsChanged
    /// The client has sent a request, or ended the stream.
    case requestArrived
    /// The call is over.
    case ended
  }

  private let deviceID: Identifier?
  private let loop: EventLoop
  private var changed: Int64?
  private var pending: [Signal] = []
  private var waiter: CheckedContinuation<Void, Never>?
  private var hasEnded = false

  init(deviceID: Identifier?, loop: EventLoop) {
    self.deviceID = deviceID
    self.loop = loop
  }

  /// Whether a hint is about a change that another device made.
  func isFromOtherDevice(_ hint: ChangeHint) -> Bool { hint.deviceID == nil || hint.deviceID != deviceID }

  func signal(_ signal: Signal) {
    switch signal {
    case .changed(let number): changed = max(changed ?? 0, number)
    case .ended: hasEnded = true
    default: if !pending.contains(signal) { pending.append(signal) }
    }
    waiter?.resume()
    waiter = nil
  }

  /// The next signal; suspends until there is one. `.ended` once the calling task is cancelled. One
  /// caller at a time.
  func next() async -> Signal {
    let bound = LoopBound(self, loop: loop)
    let loop = loop
    return await withTaskCancellationHandler {
      while true {
        if hasEnded || Task.isCancelled { return .ended }
        if !pending.isEmpty { return pending.removeFirst() }
        if let number = changed {
          changed = nil
          return .changed(number)
        }
        await withCheckedContinuation { waiter = $0 }
      }
    } onCancel: {
      loop.execute { bound.value.signal(.ended) }
    }
  }
}

/// One call's way through the pool and a connection: what to send, what came back, whom to wake.
/// Loop-confined.
@safe final class DatabaseWork {
  /// What the work is, which decides what it shares and what a broken link means for it.
  enum Kind {
    /// Shares a sync with other reads; run again when the link breaks.
    case read
    /// A segment of its own, committed by its sync: unknown when the link breaks.
    case write
    /// Inside an open transaction: a broken link undoes it.
    case transactionStep
    /// Holds a transaction's COMMIT: unknown when the link breaks.
    case commit
    /// Asks for a connection of its own and sends nothing.
    case reservation
  }

  let kind: Kind
  let steps: [BoundStatement]
  /// When waiting for a connection ends, on the loop's clock.
  let deadlineMilliseconds: UInt64
  /// One per step that succeeded.
  private(set) var results: [QueryResultBox] = []
  private(set) var failure: DatabaseError?
  /// Finished works ignore whatever else happens to them.
  private(set) var isFinished = false
  /// Set when a shared segment was undone for a neighbour's fault.
  private(set) var runsAlone = false
  /// Set when the link broke under it once.
  var wasRunAgain = false
  /// The caller's task was cancelled while the statement ran in its transaction.
  var isCancelRequested = false
  /// What a reservation was given.
  var connection: PostgresConnection?
  private var continuation: UnsafeContinuation<Void, Never>?

  init(_ kind: Kind, steps: [BoundStatement], deadlineMilliseconds: UInt64) {
    self.kind = kind
    self.steps = steps
    self.deadlineMilliseconds = deadlineMilliseconds
  }

  var sharesSync: Bool { kind == .read && !runsAlone }

  /// The statement whose answer is due next, while the work is being answered.
  var currentStatement: Statement? { results.count < steps.count ? steps[results.count].statement : nil }

  func append(_ result: consuming QueryResult) {
    guard !isFinished else { return }
    results.append(QueryResultBox(result))
  }

  /// Forgets what came back, because it was rolled back or lost.
  func prepareToRunAlone() {
    results = []
    runsAlone = true
  }

  /// Wakes the caller, once.
  func finish(_ failure: DatabaseError? = nil) {
    guard !isFinished else { return }
    isFinished = true
    self.failure = failure
    unsafe continuation?.resume()
    unsafe continuation = nil
  }

  /// Suspends the caller until `finish(_:)`; `start` sets the work going.
  func wait(_ start: () -> Void) async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe self.continuation = continuation
      start()
    }
  }
}

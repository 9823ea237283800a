/// One call on its way through the pool and a connection: the steps to send, their results, and the
/// caller to resume. Loop-confined.
@safe final class DatabaseWork {
  /// The kind of work: it decides what the work shares with other work and what a broken connection
  /// means for it.
  enum Kind {
    /// Shares a sync with other reads; run again after a broken connection.
    case read
    /// A segment of its own, committed by its sync; the outcome is unknown after a broken
    /// connection.
    case write
    /// A step of an open transaction, which a broken connection rolls back.
    case transactionStep
    /// Holds a transaction's COMMIT; the outcome is unknown after a broken connection.
    case commit
    /// Reserves a connection and sends nothing.
    case reservation
  }

  let kind: Kind
  let steps: [BoundStatement]
  /// When waiting for a connection ends, on the loop's clock.
  let deadlineMilliseconds: UInt64
  /// Asked once, when the work is sent; otherwise it fails with `.superseded`.
  let condition: (() -> Bool)?
  /// One per step that succeeded.
  private(set) var results: [QueryResultBox] = []
  private(set) var failure: DatabaseError?
  /// A finished work ignores every later event.
  private(set) var isFinished = false
  /// Set when a shared segment was rolled back because of another work's error.
  private(set) var runsAlone = false
  /// Set once the work is run again after a broken connection.
  var wasRunAgain = false
  /// The caller's task was cancelled while the statement ran in its transaction.
  var isCancelRequested = false
  /// The connection that a reservation received.
  var connection: PostgresConnection?
  private var continuation: UnsafeContinuation<Void, Never>?

  init(
    _ kind: Kind, steps: [BoundStatement], deadlineMilliseconds: UInt64, while condition: (() -> Bool)? = nil
  ) {
    self.kind = kind
    self.steps = steps
    self.deadlineMilliseconds = deadlineMilliseconds
    self.condition = condition
  }

  var sharesSync: Bool { kind == .read && !runsAlone }

  /// The statement whose answer is due next.
  var currentStatement: Statement? { results.count < steps.count ? steps[results.count].statement : nil }

  func append(_ result: consuming QueryResult) {
    guard !isFinished else { return }
    results.append(QueryResultBox(result))
  }

  /// Drops the results, because they were rolled back or lost.
  func prepareToRunAlone() {
    results = []
    runsAlone = true
  }

  /// Resumes the caller, once.
  func finish(_ failure: DatabaseError? = nil) {
    guard !isFinished else { return }
    isFinished = true
    self.failure = failure
    unsafe continuation?.resume()
    unsafe continuation = nil
  }

  /// Suspends the caller until `finish(_:)`; `start` submits the work.
  func wait(_ start: () -> Void) async {
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe self.continuation = continuation
      start()
    }
  }
}

internal import CLibpq
import EventLoop
import Synchronization

/// Who owns a connection and is told what happens on it. Called on the loop's thread.
protocol PostgresConnectionOwner: AnyObject {
  func connectionBecameReady(_ connection: PostgresConnection)
  /// It failed to connect, or broke: it is closed. `broken` are not complete.
  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork])
  /// A segment is complete.
  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment)
  func connection(_ connection: PostgresConnection, received notification: PostgresNotification)
  func connection(_ connection: PostgresConnection, receivedNotice text: String)
}

/// One libpq connection in pipeline mode on a loop. Loop-confined; used once: it connects, serves
/// and closes.
///
/// `PostgresConnection+Connecting` brings it up, `+Sending` and `+Receiving` move statements and
/// results.
@safe final class PostgresConnection: EndOfTurnWork {
  /// connecting -> ready -> closed, or connecting -> closed.
  enum Phase {
    case connecting
    case ready
    case closed
  }

  /// What a statement is on this connection. none -> preparing -> prepared, or back to none when
  /// PREPARE failed.
  enum Preparation {
    case none
    case preparing
    case prepared
  }

  struct PreparedStatement {
    var state: Preparation = .none
    var types: [Oid] = []
    /// Why the last PREPARE failed, for executions that were sent behind it.
    var failure: DatabaseError?
  }

  let loop: EventLoop
  let configuration: PostgresConfiguration
  unowned let owner: any PostgresConnectionOwner
  var phase = Phase.connecting
  var handle: OpaquePointer?  // PGconn *; nil before it starts and after it is closed
  var watcher: DescriptorWatcher?
  /// Limits the attempt at one server.
  var connectTimer: LoopTimer?
  /// Nil before it is known and after it is ready.
  var plan: ConnectPlan?
  var attempt: ConnectPlan.Attempt?
  /// Rises with every step of the plan: answers to earlier ones are dropped.
  var attemptNumber = 0
  /// Why servers were not taken, for the message.
  var attemptFailures: [String] = []
  /// While the session gets its settings.
  var setup: Setup?
  /// What the server said of itself; nil until it is ready.
  var facts: ServerFacts?
  /// Of the known database, in which it was accepted.
  var generation = 0

  var pipeline = Pipeline<DatabaseWork>()
  var preparedStatements: [PreparedStatement] = []
  var parameters = ParameterBuffer()
  /// Statements given to libpq, without preparations and scripts.
  var statementsSent = 0
  /// Reads sent since the last sync.
  var openReads = 0
  var endOfTurnIsAsked = false
  /// A script running outside pipeline mode.
  var script: DatabaseWork?
  /// The first error the script met.
  var scriptFailure: DatabaseError?
  /// When the server last answered, or was last given something while it owed nothing. The loop's
  /// clock.
  var lastProgressMilliseconds: UInt64 = 0

  /// When it turned out that the session cannot write, on the loop's clock; nil: it can.
  var readOnlySinceMilliseconds: UInt64?
  /// A commit's wait for a synchronous standby was ended early: its segment's outcome is not known.
  var lostReplicationWait: String?
  /// The server ended the session in words: what it had not answered did not take effect.
  var endedByServer = false
  /// Calls may use it.
  var isAdmitted = false
  /// Takes no new work, and is replaced when it is idle.
  var isRetiring = false

  /// Reserved for one transaction.
  var isExclusive = false
  /// A cancel request is or was under way: it may hit a later statement, so the connection is not
  /// used again.
  var isCancelSent = false

  init(loop: EventLoop, configuration: PostgresConfiguration, owner: any PostgresConnectionOwner) {
    self.loop = loop
    self.configuration = configuration
    self.owner = owner
  }

  deinit { close() }

  var isReady: Bool { phase == .ready }
  /// Calls may send statements on it.
  var isUsable: Bool { phase == .ready && isAdmitted && !isRetiring && !isStale }
  /// The session cannot write.
  var isReadOnly: Bool { readOnlySinceMilliseconds != nil }
  var isIdle: Bool { pipeline.isEmpty && script == nil }
  /// The server process; 0 when not connected.
  var processID: Int32 { unsafe handle.map { unsafe PQbackendPID($0) } ?? 0 }
  /// Whether the server says that no transaction is open.
  var isOutsideTransaction: Bool { unsafe handle.map { unsafe PQtransactionStatus($0) == PQTRANS_IDLE } ?? false }

  /// libpq's last error; log only.
  var errorMessage: String {
    guard let handle = unsafe handle, let text = unsafe PQerrorMessage(handle) else { return "not connected" }
    return unsafe String(cString: text)
  }

  /// Closes without telling the owner. The server rolls back what is open.
  func close() {
    phase = .closed
    connectTimer?.cancel()
    connectTimer = nil
    dropHandle()
  }

  func dropHandle() {
    // Before the descriptor: the kernel may give its number to another file at once.
    watcher?.close()
    watcher = nil
    if let handle = unsafe handle { unsafe PQfinish(handle) }
    unsafe handle = nil
  }

  /// Which database it leads to.
  var identity: DatabaseIdentity? { facts?.identity }
  /// Another database is in use by now.
  var isStale: Bool { generation != configuration.knownDatabase.generation }
  /// A pooler stands between: the server process is not the one that the start-up named.
  var isPooled: Bool { facts.map { $0.backendProcessID != processID } ?? false }

  /// Closes because of `reason`, and tells the owner.
  func fail(_ reason: String) {
    guard phase != .closed else { return }
    let wasReady = phase == .ready
    close()
    var broken = pipeline.breakLink()
    if let script { broken.append(Pipeline.BrokenWork(work: script, unansweredSteps: 0)) }
    script = nil
    owner.connection(self, brokeFor: Self.oneLine(reason), wasReady: wasReady, broken: broken)
  }

  /// Gives up on a server that owes an answer and has been silent for too long.
  func checkSilence(nowMilliseconds: UInt64) {
    guard phase == .ready, !isIdle else { return }
    let silenceMax = configuration.statementTimeoutMilliseconds + configuration.answerGraceMilliseconds
    guard nowMilliseconds > lastProgressMilliseconds + silenceMax else { return }
    // A server that waits for a synchronous standby would keep the session, and its place among the
    // server's connections.
    sendLastCancel()
    fail("the server does not answer")
  }

  private func sendLastCancel() {
    guard let handle = unsafe handle, !isCancelSent, CancelRequest.beginLast() else { return }
    guard let cancel = unsafe PQgetCancel(handle) else { return CancelRequest.endLast() }
    let request = unsafe CancelRequest(owning: cancel)
    let loop = loop
    Task(executorPreference: loop) {
      await loop.offload {
        request.send()
        CancelRequest.endLast()
      }
    }
  }

  /// Asks the server, from the thread pool, to stop the running statement.
  func sendCancel() {
    guard let handle = unsafe handle, !isCancelSent, let cancel = unsafe PQgetCancel(handle) else { return }
    isCancelSent = true
    let request = unsafe CancelRequest(owning: cancel)
    let loop = loop
    Task(executorPreference: loop) { await loop.offload { request.send() } }
  }

  func endOfTurn() {
    endOfTurnIsAsked = false
    if openReads > 0 { sync() }
  }
}

/// A libpq cancel request: everything needed to ask once, apart from the connection.
@safe private final class CancelRequest: @unchecked Sendable {
  // Sendable because it is immutable, and libpq allows `PQcancel` on any thread.
  private let handle: OpaquePointer

  init(owning handle: OpaquePointer) { unsafe self.handle = handle }
  deinit { unsafe PQfreeCancel(handle) }

  /// Blocks until the server took the request. A failure leaves the statement to its timeout.
  func send() { _ = unsafe PQcancel(handle, nil, 0) }

  /// Whether a request to stop a silent session's statement is under way. One at a time: a server
  /// that cannot be reached holds a thread of the pool for as long as the system tries.
  private static let isLastUnderWay = Atomic(false)

  static func beginLast() -> Bool {
    isLastUnderWay.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
  }

  static func endLast() { isLastUnderWay.store(false, ordering: .relaxed) }
}

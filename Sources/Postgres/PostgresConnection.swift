internal import CLibpq
import EventLoop
import Synchronization

/// The owner of a connection, which receives its events. Called on the loop's thread.
protocol PostgresConnectionOwner: AnyObject {
  func connectionBecameReady(_ connection: PostgresConnection)
  /// The connection failed to connect, or broke, and is closed. The works in `broken` are not
  /// complete.
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
/// `PostgresConnection+Connecting` connects, `+Sending` and `+Receiving` transfer statements and
/// results.
@safe final class PostgresConnection: EndOfTurnWork {
  /// connecting -> ready -> closed, or connecting -> closed.
  enum Phase {
    case connecting
    case ready
    case closed
  }

  /// A statement's state on this connection. none -> preparing -> prepared, or back to none when
  /// PREPARE failed.
  enum Preparation {
    case none
    case preparing
    case prepared
  }

  struct PreparedStatement {
    var state: Preparation = .none
    var types: [Oid] = []
    /// Why the last PREPARE failed, for executions that were sent after it.
    var failure: DatabaseError?
  }

  let loop: EventLoop
  let configuration: PostgresConfiguration
  unowned let owner: any PostgresConnectionOwner
  var phase = Phase.connecting
  var handle: OpaquePointer?  // PGconn *; nil before it starts and after it is closed
  var watcher: DescriptorWatcher?
  /// Limits the attempt to connect to one server.
  var connectTimer: LoopTimer?
  /// Nil before it is known and once the connection is ready.
  var plan: ConnectPlan?
  var attempt: ConnectPlan.Attempt?
  /// Rises with every step of the plan: results of earlier steps are dropped.
  var attemptNumber = 0
  /// Why servers were not accepted, for the error message.
  var attemptFailures: [String] = []
  /// The session's setup while it runs.
  var setup: Setup?
  /// The server's facts; nil until the connection is ready.
  var facts: ServerFacts?
  /// The generation of the known database in which the connection was accepted.
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
  /// The script's first error.
  var scriptFailure: DatabaseError?
  /// When the server last answered, or received something while it owed no answer. The loop's
  /// clock.
  var lastProgressMilliseconds: UInt64 = 0

  /// When the session was found to be read-only, on the loop's clock; nil: it can write.
  var readOnlySinceMilliseconds: UInt64?
  /// Set when a commit's wait for a synchronous standby ended early: the outcome of its segment is
  /// unknown.
  var lostReplicationWait: String?
  /// The server ended the session with an error message: what it had not answered did not take
  /// effect.
  var endedByServer = false
  /// Takes no new work, and is replaced once it is idle.
  var isRetiring = false

  /// A cancel request was sent: it may hit a later statement, so the connection is not used again.
  var isCancelSent = false

  init(loop: EventLoop, configuration: PostgresConfiguration, owner: any PostgresConnectionOwner) {
    self.loop = loop
    self.configuration = configuration
    self.owner = owner
  }

  deinit { close() }

  var isReady: Bool { phase == .ready }
  /// Whether it may take new work, once the pool has admitted it.
  var isUsable: Bool { phase == .ready && !isRetiring && !isStale }
  /// The session cannot write.
  var isReadOnly: Bool { readOnlySinceMilliseconds != nil }
  var isIdle: Bool { pipeline.isEmpty && script == nil }
  /// The server process; 0 when not connected.
  var processID: Int32 { unsafe handle.map { unsafe PQbackendPID($0) } ?? 0 }
  /// Whether the server reports that no transaction is open.
  var isOutsideTransaction: Bool { unsafe handle.map { unsafe PQtransactionStatus($0) == PQTRANS_IDLE } ?? false }

  /// libpq's last error; log only.
  var errorMessage: String {
    guard let handle = unsafe handle, let text = unsafe PQerrorMessage(handle) else { return "not connected" }
    return unsafe String(cString: text)
  }

  /// Closes without calling the owner. The server rolls back open transactions.
  func close() {
    phase = .closed
    connectTimer?.cancel()
    connectTimer = nil
    dropHandle()
  }

  func dropHandle() {
    // Before the descriptor is closed: the kernel may give its number to another file at once.
    watcher?.close()
    watcher = nil
    if let handle = unsafe handle { unsafe PQfinish(handle) }
    unsafe handle = nil
  }

  /// The database it leads to.
  var identity: DatabaseIdentity? { facts?.identity }
  /// Another database has come into use since this connection was accepted.
  var isStale: Bool { generation != configuration.knownDatabase.generation }
  /// A pooler stands between: the server process differs from the one named at start-up.
  var isPooled: Bool { facts.map { $0.backendProcessID != processID } ?? false }

  /// Closes because of `reason`, and calls the owner.
  func fail(_ reason: String) {
    guard phase != .closed else { return }
    let wasReady = phase == .ready
    close()
    var broken = pipeline.breakLink()
    if let script { broken.append(Pipeline.BrokenWork(work: script, unansweredSteps: 0)) }
    script = nil
    owner.connection(self, brokeFor: Self.oneLine(reason), wasReady: wasReady, broken: broken)
  }

  /// Fails the connection if the server owes an answer and has been silent for too long.
  func checkSilence(nowMilliseconds: UInt64) {
    guard phase == .ready, !isIdle else { return }
    let silenceMax = configuration.statementTimeoutMilliseconds + configuration.answerGraceMilliseconds
    guard nowMilliseconds > lastProgressMilliseconds + silenceMax else { return }
    // While it waits for a synchronous standby, the server would keep the session and with it one
    // of its connections.
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

/// A libpq cancel request: holds all data of one request, apart from the connection.
@safe private final class CancelRequest: @unchecked Sendable {
  // Sendable because it is immutable, and libpq allows `PQcancel` on any thread.
  private let handle: OpaquePointer

  init(owning handle: OpaquePointer) { unsafe self.handle = handle }
  deinit { unsafe PQfreeCancel(handle) }

  /// Blocks until the server took the request. If it fails, the statement's timeout remains.
  func send() {
    // libpq writes into the buffer whatever its size is said to be: it needs one.
    var message = [CChar](repeating: 0, count: Self.messageBytes)
    _ = unsafe PQcancel(handle, &message, Int32(message.count))
  }

  /// The size that libpq's manual recommends.
  private static let messageBytes = 256

  /// Whether a request to cancel a silent session's statement is running. One at a time: while the
  /// server is unreachable, a request occupies a thread of the pool for the system's connect
  /// timeout.
  private static let isLastUnderWay = Atomic(false)

  static func beginLast() -> Bool {
    isLastUnderWay.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
  }

  static func endLast() { isLastUnderWay.store(false, ordering: .relaxed) }
}

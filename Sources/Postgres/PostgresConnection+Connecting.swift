internal import CLibpq
import EventLoop

extension PostgresConnection {
  /// Starts connecting; the owner is called with the outcome.
  func start() {
    restartAttemptTimer(name: "the database")
    let bound = LoopBound(self, loop: loop)
    let loop = loop
    let configuration = configuration
    Task(executorPreference: loop) {
      // On the thread pool: libpq reads files here.
      let plan = await loop.offload { configuration.makeConnectPlan() }
      guard bound.value.phase == .connecting else { return }
      bound.value.plan = plan
      bound.value.takeNextStep()
    }
  }

  /// Takes the plan's next step.
  private func takeNextStep() {
    attemptNumber += 1
    switch plan?.next() ?? .exhausted {
    case .lookUp(let host): lookUp(host)
    case .connect(let attempt): connect(attempt)
    case .exhausted:
      fail(attemptFailures.isEmpty ? "there is no server to try" : attemptFailures.joined(separator: "; "))
    }
  }

  /// Records why an attempt failed, and takes the plan's next step.
  private func failAttempt(_ reason: String) {
    guard phase == .connecting else { return }
    dropHandle()
    setup = nil
    let text = Self.oneLine(reason)
    if attemptFailures.count < Self.attemptFailuresMax, !attemptFailures.contains(text) { attemptFailures.append(text) }
    takeNextStep()
  }

  /// Most texts of failed attempts that are kept.
  static let attemptFailuresMax = 8

  private func restartAttemptTimer(name: String) {
    connectTimer?.cancel()
    let milliseconds = configuration.attemptMilliseconds
    connectTimer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in
      failAttempt("\(name) gave no answer within \(milliseconds) ms")
    }
  }

  private func lookUp(_ host: ServerHost) {
    restartAttemptTimer(name: "the name service, asked for \(host.host ?? "")")
    let number = attemptNumber
    let bound = LoopBound(self, loop: loop)
    let loop = loop
    Task(executorPreference: loop) {
      let result = await loop.offload { AddressLookup.addresses(of: host.host ?? "") }
      let connection = bound.value
      guard connection.phase == .connecting, connection.attemptNumber == number else { return }
      switch result {
      case .success(let addresses):
        connection.plan?.found(addresses: addresses)
        connection.takeNextStep()
      case .failure(let failure): connection.failAttempt("\(host.name): \(failure.reason)")
      }
    }
  }

  private func connect(_ attempt: ConnectPlan.Attempt) {
    restartAttemptTimer(name: attempt.host.name)
    self.attempt = attempt
    let number = attemptNumber
    let bound = LoopBound(self, loop: loop)
    let loop = loop
    let configuration = configuration
    Task(executorPreference: loop) {
      // On the thread pool: libpq reads files here.
      let started = await loop.offload { StartedConnection(configuration, attempt) }
      bound.value.take(started, number: number)
    }
  }

  private func take(_ started: StartedConnection, number: Int) {
    guard let started = unsafe started.handle else { return failAttempt("out of memory") }
    guard phase == .connecting, attemptNumber == number else { return unsafe PQfinish(started) }
    unsafe handle = started
    // So that messages contain the SQLSTATE.
    _ = unsafe PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe PQsetNoticeReceiver(
      started,
      { context, result in
        guard let context = unsafe context, let result = unsafe result else { return }
        let connection = unsafe Unmanaged<PostgresConnection>.fromOpaque(context).takeUnretainedValue()
        unsafe connection.receive(ServerNotice(borrowing: result))
      }, me)
    guard unsafe PQstatus(started) != CONNECTION_BAD else { return failAttempt(errorMessage) }
    watch(for: .writable)  // libpq: start as if the last poll had asked to write
  }

  /// Continues connecting after the descriptor became ready.
  func pollConnect() {
    guard let handle = unsafe handle else { return }
    if setup != nil { return receiveSetup() }
    // libpq may close this descriptor and open another one while it polls.
    watcher?.close()
    watcher = nil
    switch unsafe PQconnectPoll(handle) {
    case PGRES_POLLING_READING: watch(for: .readable)
    case PGRES_POLLING_WRITING: watch(for: .writable)
    case PGRES_POLLING_OK: sendSetup(withIdentity: true)
    default: failAttempt(errorMessage)
    }
  }

  // MARK: The session's settings

  private func sendSetup(withIdentity: Bool) {
    guard let handle = unsafe handle else { return }
    let text = "\(configuration.sessionSettings); \(ServerFacts.query(withIdentity: withIdentity))"
    setup = Setup(withIdentity: withIdentity)
    guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQsendQuery(handle, text) == 1 else {
      return failAttempt(errorMessage)
    }
    if watcher == nil { watch(for: .readable) }
    flushSetup()
  }

  private func flushSetup() {
    guard let handle = unsafe handle else { return }
    switch unsafe PQflush(handle) {
    case 0: watcher?.wait(for: .readable)
    case 1: watcher?.wait(for: [.readable, .writable])
    default: failAttempt(errorMessage)
    }
  }

  private func receiveSetup() {
    guard let handle = unsafe handle else { return }
    guard unsafe PQconsumeInput(handle) == 1 else { return failAttempt(errorMessage) }
    while unsafe PQisBusy(handle) == 0 {
      guard let result = unsafe PQgetResult(handle) else { return finishSetup() }
      unsafe setup?.take(QueryResult(owning: result))
    }
    flushSetup()
  }

  private func finishSetup() {
    guard let handle = unsafe handle, let setup, let attempt else { return }
    self.setup = nil
    if case .rejected(.insufficientPrivilege, _, let message)? = setup.failure, setup.withIdentity {
      owner.connection(self, receivedNotice: "the database's identity is not checked: \(message)")
      return sendSetup(withIdentity: false)
    }
    if let failure = setup.failure { return failAttempt("\(attempt.host.name): \(failure)") }
    guard let facts = setup.facts else { return failAttempt("\(attempt.host.name): no answer about the session") }
    guard attempt.acceptsReadOnly || !facts.isReadOnly else {
      plan?.refusedReadOnly()
      return failAttempt("\(attempt.host.name): the session is read only")
    }
    do {
      let known = configuration.knownDatabase
      generation =
        try facts.identity.map { identity throws(IdentityRefusal) in
          try known.accept(identity, server: attempt.host.name)
        } ?? known.generation
    } catch { return failAttempt("\(attempt.host.name) is not used: \(error)") }
    self.facts = facts
    readOnlySinceMilliseconds = facts.isReadOnly ? loop.nowMilliseconds : nil
    unsafe becomeReady(handle)
  }

  private func becomeReady(_ handle: OpaquePointer) {
    guard unsafe PQenterPipelineMode(handle) == 1 else { return failAttempt(errorMessage) }
    connectTimer?.cancel()
    connectTimer = nil
    plan = nil
    attemptFailures = []
    phase = .ready
    lastProgressMilliseconds = loop.nowMilliseconds
    watcher?.wait(for: .readable)
    owner.connectionBecameReady(self)
  }

  private func watch(for readiness: Readiness) {
    guard let handle = unsafe handle else { return }
    watcher = DescriptorWatcher(loop: loop, descriptor: unsafe PQsocket(handle)) { [unowned self] in ready($0) }
    guard let watcher else { return failAttempt("the connection's descriptor cannot be polled") }
    watcher.wait(for: readiness)
  }

  private func ready(_ readiness: Readiness) {
    switch phase {
    case .connecting: pollConnect()
    case .ready:
      if readiness.contains(.writable) { flush() }
      if readiness.contains(.readable) { receive() }
    case .closed: break
    }
  }

  /// libpq's multi-line message as one line, without the lines that name the server's source code.
  static func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }
      .filter { !$0.isEmpty && !$0.hasPrefix("LOCATION:") }.joined(separator: " ")
  }
}

/// The answers to a new session's settings so far.
struct Setup {
  /// Whether the setup queries the database's identity.
  let withIdentity: Bool
  private(set) var facts: ServerFacts?
  private(set) var failure: DatabaseError?

  init(withIdentity: Bool) { self.withIdentity = withIdentity }

  mutating func take(_ result: consuming QueryResult) {
    switch result.outcome {
    case .success: facts = ServerFacts(result.textRow)
    case .failure(let error, _): failure = failure ?? error
    case .synced, .skipped, .unsupported: break
    }
  }
}

/// A connection started on the thread pool, on its way to its loop.
@safe private struct StartedConnection: @unchecked Sendable {
  // Sendable because it is handed over once, from the thread that made it to the loop; no other
  // code uses it in between.
  let handle: OpaquePointer?

  init(_ configuration: PostgresConfiguration, _ attempt: ConnectPlan.Attempt) {
    let parameters = configuration.connectParameters(attempt)
    // libpq copies them.
    let keywords = CStrings(parameters.map(\.keyword))
    let values = CStrings(parameters.map(\.value))
    unsafe handle = unsafe PQconnectStartParams(keywords.pointers, values.pointers, 0)
  }
}

/// A NULL-terminated array of C strings.
@safe private final class CStrings {
  let pointers: [UnsafePointer<CChar>?]
  private let storage: [UnsafeMutableBufferPointer<CChar>]

  init(_ strings: [String]) {
    unsafe storage = strings.map { string in
      let bytes = string.utf8CString
      let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
      _ = unsafe buffer.initialize(from: bytes)
      return unsafe buffer
    }
    unsafe pointers = unsafe storage.map { unsafe UnsafePointer($0.baseAddress) } + [nil]
  }

  deinit {
    unsafe storage.forEach { unsafe $0.deallocate() }
  }
}

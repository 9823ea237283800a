internal import CLibpq
import EventLoop

extension PostgresConnection {
  /// Starts connecting; the owner hears how it ends.
  func start() {
    connectTimer = loop.schedule(afterMilliseconds: configuration.connectTimeoutMilliseconds) { [unowned self] in
      fail("connecting took too long")
    }
    let bound = LoopBound(self, loop: loop)
    let loop = loop
    let configuration = configuration
    Task(executorPreference: loop) {
      // Off the loop, because libpq looks up host names and reads files here.
      let started = await loop.offload { StartedConnection(configuration) }
      bound.value.take(started)
    }
  }

  private func take(_ started: StartedConnection) {
    guard let handle = unsafe started.handle else { return fail("out of memory") }
    guard phase == .connecting else { return unsafe PQfinish(handle) }
    unsafe self.handle = handle
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe PQsetNoticeProcessor(
      handle,
      { context, text in
        guard let context = unsafe context, let text = unsafe text else { return }
        let connection = unsafe Unmanaged<PostgresConnection>.fromOpaque(context).takeUnretainedValue()
        connection.owner.connection(connection, receivedNotice: unsafe String(cString: text))
      }, me)
    guard unsafe PQstatus(handle) != CONNECTION_BAD else { return fail(errorMessage) }
    watch(for: .writable)  // libpq: start as if the last poll had asked to write
  }

  /// Goes one step further, after the descriptor became ready.
  func pollConnect() {
    guard let handle = unsafe handle else { return }
    // libpq may close this descriptor and open another one while it polls.
    watcher?.close()
    watcher = nil
    switch unsafe PQconnectPoll(handle) {
    case PGRES_POLLING_READING: watch(for: .readable)
    case PGRES_POLLING_WRITING: watch(for: .writable)
    case PGRES_POLLING_OK: unsafe becomeReady(handle)
    default: fail(errorMessage)
    }
  }

  private func becomeReady(_ handle: OpaquePointer) {
    guard unsafe PQsetnonblocking(handle, 1) == 0, unsafe PQenterPipelineMode(handle) == 1 else {
      return fail(errorMessage)
    }
    connectTimer?.cancel()
    connectTimer = nil
    phase = .ready
    watch(for: .readable)
    if phase == .ready { owner.connectionBecameReady(self) }
  }

  private func watch(for readiness: Readiness) {
    guard let handle = unsafe handle else { return }
    watcher = DescriptorWatcher(loop: loop, descriptor: unsafe PQsocket(handle)) { [unowned self] in ready($0) }
    guard let watcher else { return fail("the connection's descriptor cannot be polled") }
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
}

/// A connection that was started on the thread pool and travels to its loop.
@safe private struct StartedConnection: @unchecked Sendable {
  // Sendable because it is handed over once, from the thread that made it to the loop; nobody touches it on the way.
  let handle: OpaquePointer?

  init(_ configuration: PostgresConfiguration) {
    let parameters = configuration.connectParameters
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

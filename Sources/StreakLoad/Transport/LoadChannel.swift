internal import EventLoop
internal import HTTP
internal import HTTP2

/// The connections of one loop, used in turn. A lost connection is made again after a delay.
/// Loop-confined.
@safe final class LoadChannel {
  /// Milliseconds between two attempts to connect.
  static let reconnectMilliseconds: UInt64 = 100
  /// Milliseconds between two checks for calls past their time limit.
  static let lookMilliseconds: UInt64 = 100
  /// Room for header fields and small bodies. A response larger than the window is credited as it
  /// arrives.
  private static func limits() -> HTTPLimits {
    var limits = HTTPLimits()
    limits.streamWindowBytes = 1_048_576
    limits.connectionWindowBytes = 64 * 1_048_576
    return limits
  }

  let loop: EventLoop
  private let server: LoadServer
  private let resources: HTTP2Resources
  private var places: [LoadConnection?]
  /// Connections after the server's GOAWAY, with their running calls.
  private var leaving: [LoadConnection] = []
  private var next = 0
  private var spareCalls: [LoadCall] = []
  private var lookTimer: LoopTimer?
  private var isClosed = false
  private var waiters = unsafe [UnsafeContinuation<Void, Never>]()
  /// Connections that were lost.
  private(set) var lostCount = 0

  init(_ server: LoadServer, connectionCount: Int, loop: EventLoop) {
    self.server = server
    self.loop = loop
    resources = HTTP2Resources(limits: Self.limits(), now: { loop.nowMilliseconds })
    places = Array(repeating: nil, count: connectionCount)
  }

  /// Makes all connections.
  /// - Returns: Why one of them failed; nil if none did.
  func connect() async -> String? {
    for place in places.indices {
      if let failure = await connect(place) { return failure }
    }
    lookTimer = loop.schedule(afterMilliseconds: Self.lookMilliseconds, repeatMilliseconds: Self.lookMilliseconds) {
      [unowned self] in giveUpLateCalls()
    }
    return nil
  }

  /// - Returns: Why the connection failed; nil if it did not.
  private func connect(_ place: Int) async -> String? {
    guard !isClosed else { return "the channel is closed" }
    let connection: LoadConnection
    switch await LoadConnection.open(server, loop: loop, resources: resources) {
    case .success(let opened): connection = opened
    case .failure(let failure): return failure.reason
    }
    guard !isClosed else {
      connection.close()
      return "the channel is closed"
    }
    places[place] = connection
    connection.onLeave = { [unowned self] in lost(place) }
    wake()
    return nil
  }

  private func lost(_ place: Int) {
    leaving.removeAll { $0.isClosed }
    if let connection = places[place], !connection.isClosed { leaving.append(connection) }
    places[place] = nil
    guard !isClosed else { return }
    lostCount += 1
    let bound = LoopBound(self, loop: loop)
    Task(executorPreference: loop) { await bound.value.connectAgain(place) }
  }

  private func connectAgain(_ place: Int) async {
    while !isClosed {
      await loop.sleep(milliseconds: Self.reconnectMilliseconds)
      if await connect(place) == nil { return }
    }
  }

  private func giveUpLateCalls() {
    let now = MonotonicClock.nowNanoseconds
    let patience = server.callMilliseconds * 1_000_000
    guard now > patience else { return }
    for connection in places { connection?.giveUpCalls(begunBefore: now - patience) }
    for connection in leaving { connection.giveUpCalls(begunBefore: now - patience) }
  }

  /// Suspends until there is a connection, or until the channel is closed.
  func waitUntilConnected() async {
    while !isClosed, !places.contains(where: { $0?.isOpen == true }) {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        unsafe waiters.append(continuation)
      }
    }
  }

  private func wake() {
    let woken = unsafe waiters
    unsafe waiters.removeAll()
    unsafe woken.forEach { unsafe $0.resume() }
  }

  /// The next connection that accepts calls.
  private func connection() -> LoadConnection? {
    for _ in places.indices {
      let place = next
      next = next + 1 == places.count ? 0 : next + 1
      if let connection = places[place], connection.isOpen { return connection }
    }
    return nil
  }

  /// Makes a call with one request and one response.
  func unary(
    _ method: LoadMethod, authorization: [UInt8], _ request: (inout [UInt8]) -> Void
  ) async -> CallOutcome {
    guard let connection = connection() else { return .failed(.notConnected) }
    let call = spareCalls.popLast() ?? LoadCall()
    guard
      connection.begin(
        call, method, authorization: authorization, atNanoseconds: MonotonicClock.nowNanoseconds, request)
    else {
      spareCalls.append(call)
      return .failed(.notConnected)
    }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe call.wait(continuation)
    }
    spareCalls.append(call)
    return call.outcome ?? .failed(.notConnected)
  }

  /// Starts a call with many responses; nil if there is no connection.
  func stream(
    _ method: LoadMethod, authorization: [UInt8], _ request: (inout [UInt8]) -> Void
  ) -> LoadStream? {
    guard let connection = connection() else { return nil }
    let call = LoadCall()
    guard
      connection.begin(
        call, method, authorization: authorization, atNanoseconds: MonotonicClock.nowNanoseconds, request)
    else { return nil }
    return LoadStream(call: call, connection: connection)
  }

  func close() {
    isClosed = true
    lookTimer = nil
    for connection in places { connection?.close() }
    for connection in leaving { connection.close() }
    wake()
  }
}

/// A call with many responses. Loop-confined.
struct LoadStream {
  let call: LoadCall
  let connection: LoadConnection

  /// Cancels the call.
  func cancel() { connection.cancel(call, .reply([])) }
}

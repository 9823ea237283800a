internal import EventLoop

/// A call under way, its messages encoded. May be used from any task; requests and responses keep
/// the order in which they were asked for.
///
/// Dropping it, or cancelling a task that waits in one of its methods, cancels the call.
public final class RPCCall: Sendable {
  private let loop: EventLoop
  private let call: LoopBound<ClientCall>

  init(loop: EventLoop, call: LoopBound<ClientCall>) {
    self.loop = loop
    self.call = call
  }

  deinit {
    let call = call
    loop.execute { call.value.abandon(Self.cancelled) }
  }

  private static let cancelled = RPCStatus(.cancelled, "The call was cancelled.")

  /// Sends one request; suspends while there is no connection, or the server takes no more.
  /// - Throws: The call's status, once it is over: `.ok` if the server ended it well without
  ///   waiting for this request.
  public func send(_ request: [UInt8]) async throws(RPCStatus) {
    try await onLoop { call throws(RPCStatus) in try await call.send(request) }
  }

  /// Says that no more requests follow.
  public func finishSending() async {
    _ = try? await onLoop { call throws(RPCStatus) in await call.finishSending() }
  }

  /// The response's header fields; suspends until they are there. Empty when the server sent
  /// nothing before its status.
  /// - Throws: The status of a call that failed before.
  public func initialMetadata() async throws(RPCStatus) -> [(name: String, value: String)] {
    try await onLoop { call throws(RPCStatus) in try await call.initialMetadata() }
  }

  /// The next response; nil after the last one of a call that succeeded.
  /// - Throws: The status of a call that did not succeed, after the responses that came before it.
  public func next() async throws(RPCStatus) -> [UInt8]? {
    try await onLoop { call throws(RPCStatus) in try await call.next() }
  }

  /// The only response of a method that sends one, after the last request.
  public func onlyReply() async throws(RPCStatus) -> UnaryReply<[UInt8]> {
    try await onLoop { call throws(RPCStatus) in try await call.onlyReply() }
  }

  /// The fields after the last response; suspends until the call is over.
  /// - Throws: The status of a call that did not succeed.
  public func trailingMetadata() async throws(RPCStatus) -> [(name: String, value: String)] {
    try await onLoop { call throws(RPCStatus) in try await call.trailingMetadata() }
  }

  /// Gives the call up.
  public func cancel() {
    let call = call
    loop.execute { call.value.abandon(Self.cancelled) }
  }

  private func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (ClientCall) async throws(RPCStatus) -> Value
  ) async throws(RPCStatus) -> Value {
    let call = call
    let result = await withTaskCancellationHandler {
      await loop.run { () -> Result<Value, RPCStatus> in
        do throws(RPCStatus) { return .success(try await body(call.value)) } catch { return .failure(error) }
      }
    } onCancel: {
      cancel()
    }
    return try result.get()
  }
}

public import EventLoop

/// Receives the calls that have ended, such as an access log. Called on the loop of the call, where
/// it must not take long.
public protocol CallObserver: Sendable {
  /// Whether `callEnded(_:)` is to be called for an outcome: unwanted calls cost nothing.
  /// - Parameter code: Nil: the request was no gRPC.
  func wants(_ code: RPCStatusCode?) -> Bool
  func callEnded(_ call: EndedCall)
}

/// A call whose outcome is decided. Nothing in it names the caller or repeats what was sent, but
/// for the address and the status' message.
public struct EndedCall: Sendable {
  /// Nil: one that the server does not have, or a request that was no gRPC.
  public let method: MethodDescriptor?
  public let outcome: Outcome
  public let durationNanoseconds: UInt64
  /// Bytes of the request that had arrived: messages with their prefixes.
  public let receivedBytes: Int
  /// Bytes of the response that were handed over to be sent.
  public let sentBytes: Int
  /// Nil for Unix sockets.
  public let peerAddress: SocketAddress?

  public enum Outcome: Sendable {
    case ok
    case failed(RPCStatus)
    /// Refused before it was a call.
    case notGRPC(httpStatus: Int)
  }
}

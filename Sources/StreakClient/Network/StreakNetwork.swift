public import RPC

/// How a client reaches the service: calls of encoded messages. `ChannelNetwork` is the real one.
public protocol StreakNetwork: Sendable {
  /// Makes a call that sends one message and gets one.
  /// - Parameter bearer: What goes into the `authorization` metadata after "Bearer "; nil: nothing.
  /// - Throws: The status of a call that did not succeed.
  func call(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) async throws(RPCStatus) -> [UInt8]

  /// Begins a call that sends one message and gets many.
  func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream
}

/// The responses of a call under way. Dropping it cancels the call.
public protocol ResponseStream: Sendable {
  /// The next response; nil after the last one of a call that succeeded.
  func next() async throws(RPCStatus) -> [UInt8]?

  /// Gives the call up: whoever waits for a response gets `.cancelled`.
  func cancel()
}

/// The service at the other end of a channel.
public struct ChannelNetwork: StreakNetwork {
  /// How long a call with one answer may take, in milliseconds.
  public static let timeoutMilliseconds: UInt64 = 60_000

  private let channel: RPCChannel
  private let timeoutMilliseconds: UInt64

  public init(_ channel: RPCChannel, timeoutMilliseconds: UInt64 = Self.timeoutMilliseconds) {
    self.channel = channel
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  public func call(
    _ method: MethodDescriptor, _ request: [UInt8], bearer: String?
  ) async throws(RPCStatus) -> [UInt8] {
    var options = CallOptions(metadata: Self.metadata(bearer))
    options.timeoutMilliseconds = timeoutMilliseconds
    return try await channel.start(method, request: request, options: options).onlyReply().message
  }

  public func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream {
    Stream(call: channel.start(method, request: request, options: CallOptions(metadata: Self.metadata(bearer))))
  }

  private static func metadata(_ bearer: String?) -> [(name: String, value: String)] {
    bearer.map { [("authorization", "Bearer \($0)")] } ?? []
  }

  private struct Stream: ResponseStream {
    let call: RPCCall
    func next() async throws(RPCStatus) -> [UInt8]? { try await call.next() }
    func cancel() { call.cancel() }
  }
}

public import RPC

/// A client's transport: calls with encoded messages. The production implementation is
/// `ChannelNetwork`.
public protocol StreakNetwork: Sendable {
  /// Makes a call with one request and one response.
  /// - Parameter bearer: The token for the `authorization` metadata, without "Bearer "; nil: none.
  /// - Throws: The status of a failed call.
  func call(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) async throws(RPCStatus) -> [UInt8]

  /// Starts a call with one request and many responses.
  func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream
}

/// The responses of a running call. Dropping it cancels the call.
public protocol ResponseStream: Sendable {
  /// The next response; nil after the last one of a successful call.
  func next() async throws(RPCStatus) -> [UInt8]?

  /// Cancels the call: a waiting `next` throws `.cancelled`.
  func cancel()
}

/// The service at the other end of a channel.
public struct ChannelNetwork: StreakNetwork {
  /// Time limit of a call with one response, in milliseconds.
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

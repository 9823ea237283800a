internal import EventLoop
public import RPC
internal import TLS

/// The service at an address, with all that it takes to speak to it: for apps that need nothing else of the network.
public final class ServerConnection: StreakNetwork {
  public enum Security: Sendable {
    /// In the clear: for a server on the same machine.
    case none
    /// TLS, trusting the system's authorities.
    case system
    /// TLS, trusting the authorities in a PEM file only.
    case authorities(file: String)
  }

  private let thread = EventLoopThread()
  private let channel: RPCChannel
  private let network: ChannelNetwork

  /// Nothing is connected before the first call. Its thread lives as long as the process, or until `close`.
  /// - Parameter address: `HOST:PORT`, or several, separated by commas and tried in this order; or `unix:PATH`.
  public init(to address: String, security: Security = .system) throws(ClientError) {
    guard let target = ChannelTarget(parsing: address) else { throw .invalid("\(address) is no HOST:PORT.") }
    let context: TLSContext?
    do throws(TLSError) {
      switch security {
      case .none: context = nil
      case .system: context = try TLSContext(clientTrusting: nil)
      case .authorities(let file): context = try TLSContext(clientTrusting: file)
      }
    } catch {
      throw .invalid("\(error)")
    }
    channel = RPCChannel(to: target, loop: thread.loop, tls: context)
    network = ChannelNetwork(channel)
  }

  /// Ends every call, and the thread. Not to be called from a handler of the network itself.
  public func close() {
    channel.close()
    thread.stopAndJoin()
  }

  public func call(
    _ method: MethodDescriptor, _ request: [UInt8], bearer: String?
  ) async throws(RPCStatus) -> [UInt8] {
    try await network.call(method, request, bearer: bearer)
  }

  public func open(_ method: MethodDescriptor, _ request: [UInt8], bearer: String?) -> any ResponseStream {
    network.open(method, request, bearer: bearer)
  }
}

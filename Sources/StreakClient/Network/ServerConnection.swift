internal import EventLoop
public import RPC
internal import TLS

/// The service at an address, with all that it takes to speak to it: for apps that need nothing
/// else of the network.
public final class ServerConnection: StreakNetwork {
  public enum Security: Sendable {
    /// In the clear: only for a server on the same machine.
    case none
    /// TLS, trusting the system's authorities.
    case system
    /// TLS, trusting the authorities in a PEM file only.
    case authorities(file: String)
  }

  private let thread = EventLoopThread()
  private let channel: RPCChannel
  private let network: ChannelNetwork

  /// Nothing is connected before the first call. Its thread lives as long as the process, or until
  /// `close`.
  /// - Parameters:
  ///   - address: `HOST:PORT`, or several, separated by commas and tried in this order; or
  ///     `unix:PATH`.
  ///   - certificate: PEM files of a certificate and its key, for servers that ask for one.
  public init(
    to address: String, security: Security = .system, certificate: (file: String, keyFile: String)? = nil
  ) throws(ClientError) {
    guard let target = ChannelTarget(parsing: address) else { throw .invalid("\(address) is no HOST:PORT.") }
    if case .none = security, !target.isOnThisMachine {
      throw .invalid("\(address) is another machine, and without TLS passwords can be read on the way.")
    }
    let context: TLSContext?
    do throws(TLSError) {
      let shown = certificate.map { TLSClientFiles(certificateChain: $0.file, privateKey: $0.keyFile) }
      switch security {
      case .none: context = nil
      case .system: context = try TLSContext(clientTrusting: nil, certificate: shown)
      case .authorities(let file): context = try TLSContext(clientTrusting: file, certificate: shown)
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

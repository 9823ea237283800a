internal import EventLoop
public import RPC
internal import TLS

/// A connection to the service with everything it needs, for apps without other network use.
public final class AppServerConnection: StreakNetwork {
  public enum Security: Sendable {
    /// No TLS: only for a server on the same machine.
    case none
    /// TLS with the system's authorities.
    case system
    /// TLS with the authorities of a PEM file only.
    case authorities(file: String)
  }

  private let thread = EventLoopThread()
  private let channel: RPCChannel
  private let network: ChannelNetwork

  /// Connects at the first call. Its thread lives as long as the process, or until `close`.
  /// - Parameters:
  ///   - address: `HOST:PORT`, or several, separated by commas and tried in this order; or
  ///     `unix:PATH`.
  ///   - certificate: PEM files of a certificate and its key, for servers that require one.
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

  /// Cancels every call, and ends the thread. Do not call it from a callback of the network itself.
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

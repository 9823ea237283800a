/// Which servers a connection tries, in which order, and which of them it accepts. Decisions only:
/// no I/O, no clock.
///
/// libpq has the same logic, but no time limit for each server: its asynchronous interface has no
/// call for "go on with the next server".
struct ConnectPlan {
  /// Most addresses of one host name that are tried.
  static let addressesPerHostMax = 16

  /// What to do next.
  enum Step: Equatable {
    /// Find the host's addresses, then call `found(addresses:)`.
    case lookUp(ServerHost)
    case connect(Attempt)
    /// No server is left to try.
    case exhausted
  }

  struct Attempt: Equatable {
    let host: ServerHost
    /// Numeric; nil: a Unix socket, or libpq's default.
    let address: String?
    let targetSessionAttributes: String
    /// If false, a session that cannot write is closed and the next server is tried: call
    /// `refusedReadOnly()`.
    let acceptsReadOnly: Bool
  }

  /// One pass through all servers.
  private struct Pass {
    let targetSessionAttributes: String
    let acceptsReadOnly: Bool
  }

  private let hosts: [ServerHost]
  private var passes: [Pass]
  private var pendingHosts: [ServerHost]
  private var currentHost: ServerHost?
  private var pendingAddresses: [String] = []
  private var hasRefusedReadOnly = false
  private let prefersWritable: Bool

  /// - Parameter targetSessionAttributes: libpq's; nil: servers that can write are preferred,
  ///   others accepted.
  init(hosts: [ServerHost], targetSessionAttributes: String?) {
    self.hosts = hosts
    pendingHosts = hosts
    prefersWritable = targetSessionAttributes == nil
    passes =
      switch targetSessionAttributes {
      case nil:
        [
          Pass(targetSessionAttributes: "any", acceptsReadOnly: false),
          Pass(targetSessionAttributes: "any", acceptsReadOnly: true),
        ]
      case "prefer-standby":
        [
          Pass(targetSessionAttributes: "standby", acceptsReadOnly: true),
          Pass(targetSessionAttributes: "any", acceptsReadOnly: true),
        ]
      case let given?: [Pass(targetSessionAttributes: given, acceptsReadOnly: true)]
      }
  }

  mutating func next() -> Step {
    while let pass = passes.first {
      if let host = currentHost, let address = pendingAddresses.first {
        pendingAddresses.removeFirst()
        return .connect(attempt(host, address, pass))
      }
      if let host = pendingHosts.first {
        pendingHosts.removeFirst()
        currentHost = host
        return host.needsLookup ? .lookUp(host) : .connect(attempt(host, host.address, pass))
      }
      passes.removeFirst()
      // The second pass tries the servers again that were refused because they cannot write.
      if prefersWritable, !hasRefusedReadOnly { passes = [] }
      pendingHosts = hosts
    }
    return .exhausted
  }

  /// Takes the addresses of the host that was looked up.
  mutating func found(addresses: [String]) { pendingAddresses = Array(addresses.prefix(Self.addressesPerHostMax)) }

  /// The last attempt led to a session that cannot write.
  mutating func refusedReadOnly() { hasRefusedReadOnly = true }

  private func attempt(_ host: ServerHost, _ address: String?, _ pass: Pass) -> Attempt {
    let isLast = pendingAddresses.isEmpty && pendingHosts.isEmpty
    return Attempt(
      host: host, address: address, targetSessionAttributes: pass.targetSessionAttributes,
      acceptsReadOnly: pass.acceptsReadOnly || isLast && !hasRefusedReadOnly)
  }
}

internal import Glibc

/// An IPv4 or IPv6 address with a port, such as `127.0.0.1:8443` or `[::1]:8443`, or the path of a
/// Unix socket, such as `unix:/run/streakd`.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
  /// The numeric address, without brackets; of a Unix socket its path.
  public let host: String
  /// 0 asks the kernel for a free port when listening; a Unix socket has none.
  public let port: UInt16
  let family: Family

  enum Family: Sendable {
    case ipv4
    case ipv6
    case unix
  }

  /// Most bytes of a Unix socket's path: the kernel's limit without the NUL.
  public static let unixPathBytesMax = 107

  /// Takes a numeric address.
  /// - Returns: nil when `host` is not a numeric IPv4 or IPv6 address.
  public init?(host: String, port: UInt16) {
    var v4 = in_addr()
    var v6 = in6_addr()
    if unsafe inet_pton(AF_INET, host, &v4) == 1 {
      family = .ipv4
    } else if unsafe inet_pton(AF_INET6, host, &v6) == 1 {
      family = .ipv6
    } else {
      return nil
    }
    self.host = host
    self.port = port
  }

  /// Takes the path of a Unix socket.
  /// - Returns: nil when it is empty, too long, or holds a NUL.
  public init?(unixPath path: String) {
    guard !path.isEmpty, path.utf8.count <= Self.unixPathBytesMax, !path.utf8.contains(0) else { return nil }
    host = path
    port = 0
    family = .unix
  }

  /// Takes `HOST:PORT`, `[HOST]:PORT` or `unix:PATH`; `localhost` means 127.0.0.1.
  public init?(parsing text: String) {
    if text.hasPrefix("unix:") {
      self.init(unixPath: String(text.dropFirst("unix:".count)))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self.init(host: host == "localhost" ? "127.0.0.1" : String(host), port: port)
  }

  public var description: String {
    switch family {
    case .ipv4: "\(host):\(port)"
    case .ipv6: "[\(host)]:\(port)"
    case .unix: "unix:\(host)"
    }
  }

  /// Whether only this machine can reach it.
  public var isLoopback: Bool {
    switch family {
    case .ipv4: host.hasPrefix("127.")
    case .ipv6: host == "::1"
    case .unix: true
    }
  }

  /// Whether it is the path of a Unix socket.
  public var isUnix: Bool { family == .unix }

  /// The family's number for `socket()`.
  var kernelFamily: Int32 {
    switch family {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// Lends the address in the kernel's form.
  func withKernelForm<Result>(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result) -> Result {
    switch family {
    case .ipv6:
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET6, host, &address.sin6_addr)
      return unsafe Self.lend(address, body)
    case .ipv4:
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      _ = unsafe inet_pton(AF_INET, host, &address.sin_addr)
      return unsafe Self.lend(address, body)
    case .unix:
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { path in
        // The path's remaining bytes, the NUL among them, are zero.
        unsafe path.copyBytes(from: host.utf8.prefix(Self.unixPathBytesMax))
      }
      return unsafe Self.lend(address, body)
    }
  }

  private static func lend<Address, Result>(
    _ address: Address, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
  ) -> Result {
    unsafe withUnsafeBytes(of: address) { bytes in
      unsafe body(
        bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(MemoryLayout<Address>.size))
    }
  }

  /// Reads the kernel's form; nil for families other than IPv4 and IPv6.
  init?(kernelForm storage: sockaddr_storage) {
    var storage = storage
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let (family, port): (Int32, UInt16) = unsafe withUnsafeBytes(of: &storage) { bytes in
      let family = Int32(unsafe bytes.load(as: sa_family_t.self))
      switch family {
      case AF_INET:
        var address = unsafe bytes.load(as: sockaddr_in.self)
        unsafe inet_ntop(family, &address.sin_addr, &text, socklen_t(text.count))
        return (family, UInt16(bigEndian: address.sin_port))
      case AF_INET6:
        var address = unsafe bytes.load(as: sockaddr_in6.self)
        unsafe inet_ntop(family, &address.sin6_addr, &text, socklen_t(text.count))
        return (family, UInt16(bigEndian: address.sin6_port))
      default:
        return (family, 0)
      }
    }
    guard family == AF_INET || family == AF_INET6 else { return nil }
    host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.port = port
    self.family = family == AF_INET6 ? .ipv6 : .ipv4
  }
}

/// Why a socket could not be opened, bound or connected.
public struct SocketError: Error, CustomStringConvertible {
  /// The call that failed, such as `bind`.
  public let call: String
  /// The operating system's error number.
  public let number: Int32

  public init(call: String, number: Int32) {
    self.call = call
    self.number = number
  }

  public var description: String { "\(call): \(unsafe String(cString: strerror(number)))" }
}

internal import Glibc

extension SocketAddress {
  /// The address in network order: 4 bytes, or 16 of IPv6; 4 also for an IPv4 address written as
  /// IPv6 (`::ffff:192.0.2.1`); empty for a Unix socket.
  public var addressBytes: [UInt8] {
    let (kernelFamily, count): (Int32, Int) =
      switch family {
      case .ipv4: (AF_INET, 4)
      case .ipv6: (AF_INET6, 16)
      case .unix: (AF_UNIX, 0)
      }
    var bytes = [UInt8](repeating: 0, count: count)
    guard count > 0, unsafe inet_pton(kernelFamily, host, &bytes) == 1 else { return [] }
    let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    return count == 16 && bytes.starts(with: mappedPrefix) ? Array(bytes.suffix(4)) : bytes
  }

  /// The unit of limits per address: an IPv4 address, or the first 64 bits of an IPv6 address,
  /// which belong to one subscriber. Nil for a Unix socket, which has no address.
  public var limitGroup: String? {
    switch family {
    case .unix: return nil
    // As `inet_ntop` writes it, so that each address has one text.
    case .ipv4: return host
    case .ipv6:
      let bytes = addressBytes
      if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
      return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":")
    }
  }
}

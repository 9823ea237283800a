internal import Glibc

/// Listens on a free port of loopback and never accepts: the kernel completes connections, and no
/// program answers.
public final class SilentServer: Sendable {
  /// The port, at 127.0.0.1.
  public let port: UInt16
  private let descriptor: Int32

  /// - Returns: nil when the process has no descriptors left.
  public init?() {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (descriptor, size) = (descriptor, length)
    let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(descriptor, pointer, size) == 0 && listen(descriptor, 8) == 0
          && getsockname(descriptor, pointer, &length) == 0
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard isListening else { return nil }
  }

  deinit { Glibc.close(descriptor) }
}

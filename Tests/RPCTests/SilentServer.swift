import Glibc

/// A server whose kernel accepts connections, and that sends nothing on any.
struct SilentServer: ~Copyable {
  private let descriptor: Int32
  let port: UInt16

  init() {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    unsafe withUnsafeMutablePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        _ = unsafe bind(descriptor, name, length)
        _ = listen(descriptor, 8)
        _ = unsafe getsockname(descriptor, name, &length)
      }
    }
    port = UInt16(bigEndian: name.sin_port)
  }

  deinit { close(descriptor) }
}

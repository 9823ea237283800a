internal import Glibc

extension EventLoop {
  /// The addresses of `host` (a name or a numeric address), in the order the system prefers them.
  /// Loop thread only. The resolver runs on the thread pool; its time limit is the system's.
  /// - Throws: `getaddrinfo`'s error number if there are none.
  public func addresses(ofHost host: String, port: UInt16) async throws(NameError) -> [SocketAddress] {
    if let address = SocketAddress(host: host, port: port) { return [address] }
    return try await offload { Self.lookUp(host, port) }.get()
  }

  private static func lookUp(_ host: String, _ port: UInt16) -> Result<[SocketAddress], NameError> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
    guard code == 0 else { return .failure(NameError(host: host, reason: unsafe String(cString: gai_strerror(code)))) }
    defer { unsafe freeaddrinfo(list) }
    var addresses: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
      var storage = sockaddr_storage()
      let count = Int(unsafe entry.pointee.ai_addrlen)
      if let address = unsafe entry.pointee.ai_addr, count <= MemoryLayout<sockaddr_storage>.size {
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
          unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(start: address, count: count))
        }
        if let address = SocketAddress(kernelForm: storage), !addresses.contains(address) { addresses.append(address) }
      }
      unsafe next = entry.pointee.ai_next
    }
    return addresses.isEmpty
      ? .failure(NameError(host: host, reason: "it has no IPv4 or IPv6 address")) : .success(addresses)
  }
}

/// A host name that has no address.
public struct NameError: Error, Sendable, CustomStringConvertible {
  /// The name that was looked up.
  public let host: String
  /// The resolver's error message.
  public let reason: String

  public var description: String { "\(host): \(reason)" }
}

internal import Glibc

/// The numeric addresses of a host name, from the system's resolver. Blocks: for the thread pool.
enum AddressLookup {
  struct Failure: Error { let reason: String }

  static func addresses(of host: String) -> Result<[String], Failure> {
    var hints = unsafe addrinfo()
    unsafe hints.ai_family = AF_UNSPEC
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, nil, &hints, &list)
    guard code == 0 else { return unsafe .failure(Failure(reason: String(cString: gai_strerror(code)))) }
    defer { unsafe freeaddrinfo(list) }
    var found: [String] = []
    var next = unsafe list
    while let entry = unsafe next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let length = socklen_t(text.count)
      if unsafe getnameinfo(entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0
      {
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let address = String(decoding: bytes, as: UTF8.self)
        if !found.contains(address) { found.append(address) }
      }
      unsafe next = unsafe entry.pointee.ai_next
    }
    return .success(found)
  }
}

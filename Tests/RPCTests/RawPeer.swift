import EventLoop
import Glibc

/// A client that sends given bytes, and waits for the server to close the connection. Its calls
/// block: never use it on an event loop.
struct RawPeer: ~Copyable {
  private let descriptor: Int32

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
  }

  /// The header fields of a gRPC call, in HPACK, none of them indexed.
  static func headers(path: String, stream: UInt8) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ] {
      block += [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }
    return frame(1, flags: 4, stream: stream, block)
  }

  /// A preface that opens no window for DATA: SETTINGS_INITIAL_WINDOW_SIZE is 0.
  static let closedPreface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, [0, 4, 0, 0, 0, 0])

  /// A whole request of a method with a text.
  static func request(path: String, stream: UInt8, text: String) -> [UInt8] {
    let message = [0x0A, UInt8(text.utf8.count)] + text.utf8
    return headers(path: path, stream: stream)
      + frame(0, flags: 1, stream: stream, [0, 0, 0, 0, UInt8(message.count)] + message)
  }

  /// - Parameter host: One of the addresses of loopback.
  init(to address: SocketAddress, from host: String = "127.0.0.1") {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // Small writes are sent at once.
    var one: Int32 = 1
    _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    var own = sockaddr_in()
    own.sin_family = sa_family_t(AF_INET)
    own.sin_addr.s_addr = inet_addr(host)
    unsafe withUnsafePointer(to: &own) { own in
      unsafe own.withMemoryRebound(to: sockaddr.self, capacity: 1) { own in
        _ = unsafe bind(descriptor, own, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = address.port.bigEndian
    name.sin_addr.s_addr = inet_addr("127.0.0.1")
    unsafe withUnsafePointer(to: &name) { name in
      unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
        _ = unsafe connect(descriptor, name, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

  /// Closes this side of the connection.
  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// All bytes until the server closes the connection; nil if it does not within 20 s.
  func receiveToEnd() -> [UInt8]? {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0 && errno == ECONNRESET { return all }
      guard count >= 0 else { return nil }
      if count == 0 { return all }
      all += buffer[..<count]
    }
  }

  /// The types of the frames in `bytes`.
  static func frameTypes(_ bytes: [UInt8]) -> [UInt8] {
    var types: [UInt8] = []
    var offset = 0
    while offset + 9 <= bytes.count {
      types.append(bytes[offset + 3])
      offset += 9 + Int(bytes[offset]) << 16 + Int(bytes[offset + 1]) << 8 + Int(bytes[offset + 2])
    }
    return types
  }
}

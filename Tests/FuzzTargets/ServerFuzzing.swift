import Dispatch
import EventLoop
import Glibc
import HTTP
import RPC
import Synchronization
import TestSchema

/// A real server on loopback that receives malformed input, and must stay available.
final class ServerFuzzing: Sendable {
  static let shared = ServerFuzzing()

  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)
  /// Runs between two checks that the server still answers.
  private static let runsPerCheck = 100
  /// Time limit for a connection to end after its peer has sent everything, on a loaded machine.
  private static let patienceSeconds = 100
  /// Bytes of a message: few, so that fuzzed messages reach the limit.
  private static let messageBytesMax = 2_048

  private let thread = EventLoopThread()
  private let server: RPCServer
  private let runs = Atomic<Int>(0)

  private init() {
    let loop = thread.loop
    var limits = RPCLimits()
    limits.messageBytesMax = Self.messageBytesMax
    // Peers close their side, and many never open their windows for the answer.
    limits.http2.halfClosedMilliseconds = 100
    let fixedLimits = limits
    let started = Started()
    Task(executorPreference: loop) {
      guard let address = SocketAddress(host: "127.0.0.1", port: 0),
        let server = try? await RPCServer.start(
          address: address, loops: [loop], limits: fixedLimits, methods: { _ in EchoService().methods })
      else { fatalError("the server does not start") }
      started.server.withLock { $0 = server }
      started.semaphore.signal()
    }
    started.semaphore.wait()
    guard let server = started.server.withLock({ $0 }) else { fatalError("the server does not start") }
    self.server = server
  }

  private final class Started: Sendable {
    let server = Mutex<RPCServer?>(nil)
    let semaphore = DispatchSemaphore(value: 0)
  }

  static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    [
      UInt8(payload.count >> 16), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255), type, flags, 0, 0, 0,
      stream,
    ] + payload
  }

  private static func headers(path: String, stream: UInt8) -> [UInt8] {
    var block: [UInt8] = []
    for (name, value) in [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "a"),
      ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-encoding", "gzip"),
    ] {
      block += [0, UInt8(name.utf8.count)] + name.utf8 + [UInt8(value.utf8.count)] + value.utf8
    }
    return frame(1, flags: 4, stream: stream, block)
  }

  /// The first byte chooses the method, the second how the body is cut into frames.
  func runBody(_ bytes: [UInt8]) {
    guard bytes.count > 2 else { return }
    let path = ["/bench.Echo/Unary", "/bench.Echo/Collect", "/bench.Echo/Chat", "/bench.Echo/Repeat"][Int(bytes[0] & 3)]
    let step = max(1, Int(bytes[1]))
    var sent = Self.preface + Self.headers(path: path, stream: 1)
    let body = bytes[2...].prefix(60_000)
    for start in stride(from: body.startIndex, to: body.endIndex, by: step) {
      sent += Self.frame(0, stream: 1, Array(body[start..<min(start + step, body.endIndex)]))
    }
    exchange(sent + Self.frame(0, flags: 1, stream: 1))
  }

  func runConnection(_ bytes: [UInt8]) { exchange(Self.preface + bytes) }

  func runOpening(_ bytes: [UInt8]) { exchange(bytes) }

  /// Makes one call, whose body is appended in pieces of `step` bytes.
  func call(
    _ version: HTTPVersion, _ fields: HeaderBlock, _ body: [UInt8], step: Int
  ) -> (httpStatus: String, body: [UInt8]) {
    guard let request = FuzzedRequest(version, fields) else { fatalError("the request cannot be sent") }
    let peer = connected()
    defer {
      close(peer)
      request.session.abandon()
    }
    for start in stride(from: 0, to: body.count, by: step) {
      say(request.append(body[start..<min(start + step, body.count)]), to: peer)
    }
    say(request.finish(), to: peer)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !request.isOver {
      let count = Self.uninterrupted { recv(peer, &buffer, buffer.count, 0) }
      precondition(count > 0, "the server does not answer: \(request.httpStatus)")
      say(request.receive(Array(buffer[..<count])), to: peer)
    }
    return (request.httpStatus, request.body)
  }

  private func exchange(_ bytes: [UInt8]) {
    let peer = connected()
    defer { close(peer) }
    say(bytes, to: peer)
    shutdown(peer, Int32(SHUT_WR))
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Self.uninterrupted { recv(peer, &buffer, buffer.count, 0) }
      precondition(count >= 0 || errno != EAGAIN, "the server does not let go of a connection")
      if count <= 0 { break }
    }
    countRun()
  }

  /// After a run: checks from time to time that the server still answers.
  func countRun() {
    if runs.wrappingAdd(1, ordering: .relaxed).newValue.isMultiple(of: Self.runsPerCheck) { checkAlive() }
  }

  /// Makes an ordinary call, which must succeed.
  private func checkAlive() {
    let peer = connected()
    defer { close(peer) }
    let call = Self.headers(path: "/bench.Echo/Unary", stream: 1) + Self.frame(0, flags: 1, stream: 1, [0, 0, 0, 0, 0])
    say(Self.preface + call, to: peer)
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !Self.hasHeaders(received) {
      let count = Self.uninterrupted { recv(peer, &buffer, buffer.count, 0) }
      precondition(count > 0, "the server does not answer any more")
      received += buffer[..<count]
    }
  }

  private func connected() -> Int32 {
    let peer = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    // There are thousands of connections per second, and each port of an address stays blocked for
    // a minute after its connection's end: so every connection has an address of its own.
    let number = runs.load(ordering: .relaxed)
    let own = Self.withName(host: "127.\(1 + number >> 16 & 127).\(number >> 8 & 255).\(number & 255)", port: 0) {
      bind(peer, $0, $1)
    }
    let code = Self.withName(host: "127.0.0.1", port: server.address.port) { name, count in
      Int32(Self.uninterrupted { Int(connect(peer, name, count)) })
    }
    precondition(own == 0 && code == 0, "the server does not accept any more: errno \(errno)")
    return peer
  }

  /// The fuzzer's alarm signal interrupts system calls, which is not an error of the server.
  private static func uninterrupted(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  private static func withName(host: String, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32)
    -> Int32
  {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = inet_addr(host)
    return withUnsafePointer(to: &name) { name in
      name.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }

  private func say(_ bytes: [UInt8], to peer: Int32) {
    var offset = 0
    while offset < bytes.count {
      let sent = bytes.withUnsafeBytes { bytes in
        Self.uninterrupted {
          send(peer, bytes.baseAddress?.advanced(by: offset), bytes.count - offset, Int32(MSG_NOSIGNAL))
        }
      }
      guard sent > 0 else { return }
      offset += sent
    }
  }

  private static func hasHeaders(_ bytes: [UInt8]) -> Bool {
    var offset = 0
    while offset + 9 <= bytes.count {
      if bytes[offset + 3] == 1 { return true }
      offset += 9 + (Int(bytes[offset]) << 16 | Int(bytes[offset + 1]) << 8 | Int(bytes[offset + 2]))
    }
    return false
  }
}

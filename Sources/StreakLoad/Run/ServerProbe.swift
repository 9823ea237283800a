package import EventLoop

/// The source of the server's use of resources.
package enum ServerProbe: Sendable {
  /// A process of this machine, read from /proc.
  case process(Int32)
  /// A streakd's admin address, read from its metrics.
  case metrics(SocketAddress)

  /// Most bytes of a page.
  static let pageBytesMax = 4 * 1_024 * 1_024
  /// Time limit for a page.
  static let pageMilliseconds: UInt64 = 2_000

  /// The current values; nil if they cannot be read. Loop thread only.
  func figures(loop: EventLoop) async -> ProcessFigures? {
    switch self {
    case .process(let pid): return ProcessUsage.of(pid)
    case .metrics(let address):
      guard let socket = try? await SocketConnection.connect(loop: loop, to: address) else { return nil }
      let page = await MetricsRequest(socket).page(loop: loop)
      return Self.parse(page)
    }
  }

  /// Source: Prometheus's text format; the names are those of its client libraries.
  static func parse(_ page: String) -> ProcessFigures? {
    func value(_ name: String) -> Double? {
      page.split(separator: "\n").first { $0.hasPrefix("\(name) ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
    }
    guard let seconds = value("process_cpu_seconds_total"), let bytes = value("process_resident_memory_bytes"),
      bytes.isFinite, bytes >= 0, bytes < 1e15
    else { return nil }
    return ProcessFigures(cpuSeconds: seconds, residentBytes: Int(bytes))
  }
}

/// One GET of a page, read to the end of the connection. Loop-confined.
@safe private final class MetricsRequest: SocketConnectionDelegate {
  private let socket: SocketConnection
  private var bytes: [UInt8] = []
  private var waiter: UnsafeContinuation<Void, Never>?

  init(_ socket: SocketConnection) { self.socket = socket }

  func page(loop: EventLoop) async -> String {
    socket.delegate = self
    let request = Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    let written = unsafe request.withUnsafeBytes { unsafe socket.write($0.bytes) }
    guard written == request.count else {
      socket.close()
      return ""
    }
    let timer = loop.schedule(afterMilliseconds: ServerProbe.pageMilliseconds) { [self] in end() }
    unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      unsafe waiter = continuation
      socket.startReading()
    }
    timer.cancel()
    return String(decoding: bytes, as: UTF8.self)
  }

  private func end() {
    socket.close()
    unsafe waiter?.resume()
    unsafe waiter = nil
  }

  func received(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe self.bytes.append(contentsOf: $0) }
    if self.bytes.count > ServerProbe.pageBytesMax { end() }
  }

  func receivedEnd() { end() }

  func broke() { end() }

  func becameWritable() {}
}

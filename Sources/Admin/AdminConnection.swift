internal import EventLoop

/// One request and its response. Loop-confined.
final class AdminConnection: SocketConnectionDelegate {
  private let socket: SocketConnection
  private let listener: AdminListener
  private var timer: LoopTimer?
  private var request: [UInt8] = []
  /// What the kernel has not taken yet; nil before the response is known.
  private var response: [UInt8]?
  private var wasAsked = false

  init(_ socket: SocketConnection, listener: AdminListener) {
    self.socket = socket
    self.listener = listener
  }

  func start() {
    socket.delegate = self
    timer = listener.loop.schedule(afterMilliseconds: AdminListener.timeoutMilliseconds) { [unowned self] in close() }
    socket.startReading()
  }

  func close() {
    timer = nil
    socket.close()
    listener.closed(self)
  }

  func received(_ bytes: RawSpan) {
    // What follows the request is not looked at: the response is the last.
    guard !wasAsked else { return }
    unsafe bytes.withUnsafeBytes { unsafe request.append(contentsOf: $0) }
    switch AdminRequest(request, hosts: listener.hosts) {
    case .incomplete: return
    case .refused(let status): answer(AdminPage(status, "\(status.reason)\n"))
    case .get(let path): ask(for: path)
    }
    wasAsked = true
    request = []
  }

  private func ask(for path: String) {
    let bound = LoopBound(self, loop: listener.loop)
    Task(executorPreference: listener.loop) {
      let connection = bound.value
      connection.answer(await connection.listener.page(path))
    }
  }

  private func answer(_ page: AdminPage) {
    response = page.response
    send()
  }

  private func send() {
    guard let response else { return }
    guard let written = unsafe response.withUnsafeBytes({ unsafe socket.write($0.bytes) }) else { return close() }
    self.response?.removeFirst(written)
    if written == response.count { close() }
  }

  func becameWritable() { send() }

  func receivedEnd() {
    // A peer may end its side after the request; before that there is nothing to answer.
    if !wasAsked { close() }
  }
}

internal import EventLoop
internal import HTTP

/// One request and its response. Loop-confined.
final class AdminConnection: HTTPConnectionDelegate {
  private let connection: HTTPConnection
  private let listener: AdminListener
  private var timer: LoopTimer?
  /// The request under way.
  private var exchange: HTTPExchange?

  init(_ socket: SocketConnection, listener: AdminListener) {
    connection = HTTPConnection(accepted: socket, loop: listener.loop, resources: listener.resources, factory: listener)
    self.listener = listener
  }

  func start() {
    timer = listener.loop.schedule(afterMilliseconds: AdminListener.timeoutMilliseconds) { [unowned self] in close() }
    connection.start(delegate: self)
  }

  func close() { connection.close() }

  // MARK: What happens

  func receivedHeaders(_ exchange: HTTPExchange) {
    self.exchange = exchange
    exchange.discardsInput = true
    let isTooLarge = exchange.headersTooLarge
    switch AdminRequest(exchange.headers, areTooLarge: isTooLarge, hosts: listener.hosts) {
    case .refused(let status): answer(AdminPage(status, "\(status.reason)\n"))
    case .get(let path): ask(for: path)
    }
  }

  private func ask(for path: String) {
    let bound = LoopBound(self, loop: listener.loop)
    Task(executorPreference: listener.loop) {
      let connection = bound.value
      connection.answer(await connection.listener.page(path))
    }
  }

  private func answer(_ page: AdminPage) {
    // It may be over by now.
    guard let exchange, let session = connection.session else { return }
    exchange.outbound = Array(page.text.utf8)
    session.submitWholeResponse(exchange, page.fields)
    connection.needsFlush()
  }

  func receivedBody(_ exchange: HTTPExchange) {}

  func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode) { self.exchange = nil }

  func drained(_ exchange: HTTPExchange) {}

  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

  func receivedTooMuch() { close() }

  func connectionClosed() {
    timer = nil
    listener.closed(self)
  }
}

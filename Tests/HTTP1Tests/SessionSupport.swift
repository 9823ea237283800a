import HTTP
import HTTP1

/// A session, the calls of its delegate, and its output.
final class Server {
  let session: HTTP1Session
  let shared: HTTPResources
  private let output = HTTPOutputBuffer()
  /// Milliseconds of the session's clock.
  var now: UInt64 = 1_000 { didSet { clock.now = now } }
  private let clock: Clock

  final class Clock { var now: UInt64 = 1_000 }

  var exchanges: [HTTPExchange] = []
  /// `METHOD PATH` of the requests, in order.
  var requests: [String] = []
  var bodies: [String] = []
  var ends: [UInt32] = []
  var drainedCount = 0
  var establishedCount = 0
  /// Called with each request's header fields.
  var onHeaders: ((HTTPExchange) -> Void)?
  var onBody: ((HTTPExchange) -> Void)?

  static let date = "Sun, 06 Nov 1994 08:49:37 GMT"

  init(
    limits: HTTPLimits = HTTPLimits(), answerFields: @escaping (ReceivedHeaders) -> HeaderBlock = { _ in HeaderBlock() }
  ) {
    let clock = Clock()
    self.clock = clock
    shared = HTTPResources(limits: limits, now: { clock.now })
    session = HTTP1Session(
      resources: HTTP1Resources(shared: shared, unixSeconds: { 784_111_777 }, answerFields: answerFields))
    session.delegate = Delegate(server: self)
  }

  /// Makes the server answer each complete request with 200 and the request's own body.
  func echo() {
    let answer = { [unowned self] (exchange: HTTPExchange) in
      guard exchange.receivedEnd else { return }
      exchange.outbound = Array(exchange.body[exchange.bodyOffset...])
      session.consumeReceived(exchange)
      exchange.dropBody()
      session.submitWholeResponse(exchange, Self.fields())
    }
    onHeaders = answer
    onBody = answer
  }

  static func fields(_ status: String = "200", _ more: [(String, String)] = []) -> HeaderBlock {
    var fields = HeaderBlock()
    for (name, value) in [(":status", status)] + more { fields.append(name: name, value: value) }
    return fields
  }

  func receive(_ text: String) throws { try receive(Array(text.utf8)) }

  func receive(_ bytes: [UInt8]) throws {
    try session.receive(bytes.span.bytes)
    session.countHeaderBlock()
  }

  /// All pending output, in one buffer after the other.
  func written() throws -> String {
    var all: [UInt8] = []
    repeat {
      output.removeAll()
      try session.produce(into: output)
      output.withBytes { bytes in
        all += (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
      }
    } while output.count > 0
    return String(decoding: all, as: UTF8.self)
  }

  /// A response of status 200 as it is written.
  static func ok(_ body: String, closes: Bool = false) -> String {
    "HTTP/1.1 200 OK\r\ndate: \(date)\r\ncontent-length: \(body.utf8.count)\r\n"
      + (closes ? "connection: close\r\n" : "") + "\r\n" + body
  }

  /// The session holds its delegate, which therefore does not hold the server.
  private final class Delegate: HTTPSessionDelegate {
    private unowned let server: Server

    init(server: Server) { self.server = server }

    func established() { server.establishedCount += 1 }

    func receivedHeaders(_ exchange: HTTPExchange) {
      server.exchanges.append(exchange)
      server.requests.append(
        "\(exchange.headers.firstValue(":method") ?? "") \(exchange.headers.firstValue(":path") ?? "")")
      server.onHeaders?(exchange)
    }

    func receivedBody(_ exchange: HTTPExchange) { server.onBody?(exchange) }

    func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {
      server.bodies.append(String(decoding: exchange.body[exchange.bodyOffset...], as: UTF8.self))
      server.ends.append(code.rawValue)
    }

    func drained(_ exchange: HTTPExchange) { server.drainedCount += 1 }

    func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}
  }
}

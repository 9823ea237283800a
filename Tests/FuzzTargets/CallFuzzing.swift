import EventLoop
import Glibc
import HTTP
import HTTP1
import HTTP2
import TestSchema

@testable import RPC

/// Calls of browsers' protocols to a real server, with any body: over HTTP/2 in one piece and in
/// several, and over HTTP/1.1. The answer is the same each time, and a client can read it.
enum CallFuzzing {
  private static let methods = [EchoMethods.unary, EchoMethods.repeat, EchoMethods.collect]
  private static let protocols = [ClientProtocol.connect, .connectJSON, .grpcWeb, .grpcWebText]

  /// The first byte chooses method, protocol and compression, the second the size of the pieces.
  static func run(_ bytes: [UInt8]) {
    guard bytes.count >= 2 else { return }
    let method = methods[Int(bytes[0] & 3) % methods.count]
    let wire = ClientWire(method, protocols[Int(bytes[0] >> 2 & 3)])
    let options = CallOptions(encoding: bytes[0] & 0x10 == 0 ? .identity : .gzip)
    let step = Int(bytes[1]) + 1
    let body = Array(bytes.dropFirst(2))
    let whole = answer(wire, options, body, step: max(1, body.count), .http2)
    precondition(answer(wire, options, body, step: step, .http2) == whole, "pieces are answered otherwise")
    precondition(answer(wire, options, body, step: step, .http1) == whole, "HTTP/1.1 is answered otherwise")
    ServerFuzzing.shared.countRun()
  }

  /// What the protocol says: not the sentences of refusals, which may say how much had come.
  private struct Answer: Equatable {
    var httpStatus = ""
    var messages: [UInt8] = []
    var code: RPCStatusCode?
  }

  private static func answer(
    _ wire: ClientWire, _ options: CallOptions, _ body: [UInt8], step: Int, _ version: HTTPVersion
  ) -> Answer {
    let response = ServerFuzzing.shared.call(
      version, wire.fields(scheme: "http", authority: "a", options, timeoutMilliseconds: nil), body, step: step)
    var answer = Answer(httpStatus: response.httpStatus, messages: response.body)
    guard wire.isFramed else {
      answer.code = ClientWire.connectStatus(response.httpStatus, response.body)?.code
      if answer.code != nil { answer.messages = [] }
      return answer
    }
    guard response.httpStatus == "200" else { return answer }
    wire.decodeText(&answer.messages)
    switch wire.takeEnd(from: &answer.messages, after: 0) {
    case .succeeded: answer.code = .ok
    case .failed(let status): answer.code = status.code
    case nil: fatalError("the end of an answer cannot be read: \(response.body)")
    }
    return answer
  }
}

/// Makes one request on a session in memory.
final class FuzzedRequest: HTTPSessionDelegate {
  private(set) var httpStatus = ""
  private(set) var body: [UInt8] = []
  private(set) var isOver = false
  let session: any HTTPClientSession
  private let exchange: HTTPExchange
  private let output = HTTPOutputBuffer()

  /// - Returns: nil for fields that cannot be sent.
  init?(_ version: HTTPVersion, _ fields: HeaderBlock) {
    switch version {
    case .http1: session = HTTP1ClientSession(resources: HTTPResources(limits: HTTPLimits()))
    case .http2:
      guard let http2 = try? HTTP2Session(role: .client, resources: HTTP2Resources(limits: HTTPLimits())) else {
        return nil
      }
      session = http2
    }
    guard let exchange = session.submitRequest(fields) else { return nil }
    self.exchange = exchange
    session.delegate = self
  }

  /// Appends to the request's body.
  /// - Returns: The bytes to send.
  func append(_ piece: ArraySlice<UInt8>) -> [UInt8] {
    guard !isOver else { return [] }
    session.append(to: exchange) { $0 += piece }
    return produced()
  }

  func finish() -> [UInt8] {
    guard !isOver else { return [] }
    session.finish(exchange, trailers: nil)
    return produced()
  }

  func receive(_ bytes: [UInt8]) -> [UInt8] {
    do throws(HTTPError) { try session.receive(bytes.span.bytes) } catch {
      fatalError("the server's answer is no HTTP: \(error)")
    }
    return produced()
  }

  private func produced() -> [UInt8] {
    var bytes: [UInt8] = []
    repeat {
      output.removeAll()
      do throws(HTTPError) { try session.produce(into: output) } catch { fatalError("the client fails: \(error)") }
      output.withBytes { part in
        for index in 0..<part.byteCount { bytes.append(part.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
      }
    } while output.count > 0
    return bytes
  }

  // MARK: Delegate

  func receivedHeaders(_ exchange: HTTPExchange) { httpStatus = exchange.headers.firstValue(":status") ?? "" }

  func receivedBody(_ exchange: HTTPExchange) {
    body += exchange.body[exchange.bodyOffset...]
    session.consumeReceived(exchange)
    exchange.dropBody()
  }

  func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode) { isOver = true }
  func drained(_ exchange: HTTPExchange) {}
  func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}
}

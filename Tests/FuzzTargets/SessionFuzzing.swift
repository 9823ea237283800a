import HTTP
import HTTP2

private let response = ConstantHeaders([(":status", "200"), ("content-type", "application/grpc")])
private let trailers = ConstantHeaders([("grpc-status", "0")])

/// A server's session that answers every request, fed in pieces.
enum SessionFuzzing {
  private final class Owner: HTTPSessionDelegate {
    weak var session: HTTP2Session?

    func receivedHeaders(_ stream: HTTPExchange) {
      session?.submitResponse(stream, constant: response)
      session?.append(to: stream) { $0 += [1, 2, 3] }
    }
    func receivedBody(_ stream: HTTPExchange) {
      session?.consumeReceived(stream)
      stream.body.removeAll()
      if stream.receivedEnd { session?.finish(stream, constantTrailers: trailers) }
    }
    func closed(_ stream: HTTPExchange, code: HTTP2ErrorCode) {}
    func drained(_ stream: HTTPExchange) {}
    func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}
  }

  static func run(_ bytes: [UInt8]) {
    guard let session = try? HTTP2Session(role: .server, resources: HTTP2Resources(limits: HTTPLimits())) else {
      return
    }
    let owner = Owner()
    owner.session = session
    session.delegate = owner
    let output = HTTPOutputBuffer()
    let step = max(1, Int(bytes.first ?? 1))
    let all = ServerFuzzing.preface + bytes.dropFirst()
    do throws(HTTPError) {
      for start in stride(from: 0, to: all.count, by: step) {
        try session.receive(all[start..<min(start + step, all.count)].span.bytes)
        repeat {
          output.removeAll()
          try session.produce(into: output)
        } while output.count > 0
      }
    } catch {}
    session.abandon()
    precondition(session.openExchangeCount == 0, "streams outlive their session")
  }
}

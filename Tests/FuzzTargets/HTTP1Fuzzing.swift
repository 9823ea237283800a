import HTTP
import HTTP1

/// Feeds the parser of HTTP/1.1 in one piece and in several, with the same result; and feeds a
/// session that answers every request, in pieces.
enum HTTP1Fuzzing {
  /// The output of a parser, as bytes.
  private struct Reading: Equatable {
    var events: [UInt8] = []
    var refusal: HTTP1Refusal?
  }

  /// The first byte gives the size of the pieces.
  static func run(_ bytes: [UInt8]) {
    let step = max(1, Int(bytes.first ?? 1))
    let all = Array(bytes.dropFirst())
    precondition(read(all, step: step) == read(all, step: max(1, all.count)), "pieces are read otherwise")
    serve(all, step: step)
  }

  private static func read(_ bytes: [UInt8], step: Int) -> Reading {
    var parser = HTTP1RequestParser()
    let headers = ReceivedHeaders()
    var reading = Reading()
    do throws(HTTP1Refusal) {
      for start in stride(from: 0, to: bytes.count, by: step) {
        let piece = Array(bytes[start..<min(start + step, bytes.count)])
        var offset = 0
        while let event = try parser.next(in: piece.span.bytes, from: &offset, headers: headers) {
          note(event, piece, headers, &reading)
        }
        precondition(offset == piece.count, "bytes are left over")
      }
    } catch {
      precondition(parser.isClosed, "a refusal is not the end")
      reading.refusal = error
    }
    precondition(parser.heldBytes <= 65_536, "too much is held")
    return reading
  }

  private static func note(
    _ event: HTTP1RequestParser.Event, _ bytes: [UInt8], _ headers: ReceivedHeaders, _ reading: inout Reading
  ) {
    switch event {
    case .head(let head):
      reading.events += Array("\(head)".utf8)
      for field in headers.fields {
        headers.withBytes(of: field) { name, value in
          append(name, to: &reading)
          append(value, to: &reading)
        }
      }
    case .body(let range): reading.events += bytes[range]
    case .end:
      reading.events += [0, 0]
      headers.removeAll()
    }
  }

  private static func append(_ part: RawSpan, to reading: inout Reading) {
    for index in 0..<part.byteCount { reading.events.append(part.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
    reading.events.append(0)
  }

  // MARK: Session

  private final class Owner: HTTPSessionDelegate {
    weak var session: HTTP1Session?

    func receivedHeaders(_ exchange: HTTPExchange) { answer(exchange) }
    func receivedBody(_ exchange: HTTPExchange) { answer(exchange) }
    func closed(_ exchange: HTTPExchange, code: HTTP2ErrorCode) {}
    func drained(_ exchange: HTTPExchange) {}
    func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}

    private func answer(_ exchange: HTTPExchange) {
      guard let session else { return }
      session.consumeReceived(exchange)
      var headers = HeaderBlock()
      headers.append(name: ":status", value: "200")
      exchange.outbound += exchange.body
      exchange.dropBody()
      if exchange.receivedEnd {
        session.submitWholeResponse(exchange, headers)
        session.finish(exchange, trailers: nil)
      } else {
        session.submitResponse(exchange, headers)
      }
    }
  }

  private static func serve(_ bytes: [UInt8], step: Int) {
    let shared = HTTPResources(limits: HTTPLimits())
    let session = HTTP1Session(resources: HTTP1Resources(shared: shared, unixSeconds: { 0 }))
    let owner = Owner()
    owner.session = session
    session.delegate = owner
    let output = HTTPOutputBuffer()
    do throws(HTTPError) {
      for start in stride(from: 0, to: bytes.count, by: step) {
        try session.receive(bytes[start..<min(start + step, bytes.count)].span.bytes)
        session.countHeaderBlock()
        repeat {
          output.removeAll()
          try session.produce(into: output)
        } while output.count > 0
      }
    } catch {}
    precondition(!session.isFinished || session.openExchangeCount == 0, "an exchange outlives its connection's end")
    session.abandon()
    precondition(session.openExchangeCount == 0, "exchanges outlive their session")
    precondition(shared.use == BufferUse(), "something is held for a session that is gone")
  }
}

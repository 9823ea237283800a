import HTTP2

/// A server's session that answers every request, fed in pieces.
enum SessionFuzzing {
  private final class Owner: HTTP2SessionDelegate {
    weak var session: HTTP2Session?

    func receivedHeaders(_ stream: HTTP2Stream) {
      session?.submitGRPCResponse(stream)
      session?.append(to: stream) { $0 += [1, 2, 3] }
    }
    func receivedBody(_ stream: HTTP2Stream) {
      session?.consumeReceived(stream)
      stream.body.removeAll()
      if stream.receivedEnd { session?.finishGRPCOK(stream) }
    }
    func closed(_ stream: HTTP2Stream, code: HTTP2ErrorCode) {}
    func drained(_ stream: HTTP2Stream) {}
    func receivedGoAway(lastStreamID: Int32, code: HTTP2ErrorCode) {}
  }

  static func run(_ bytes: [UInt8]) {
    guard let session = try? HTTP2Session(role: .server, resources: HTTP2Resources(limits: HTTP2Limits())) else {
      return
    }
    let owner = Owner()
    owner.session = session
    session.delegate = owner
    let output = HTTP2OutputBuffer()
    let step = max(1, Int(bytes.first ?? 1))
    let all = ServerFuzzing.preface + bytes.dropFirst()
    do throws(HTTP2Error) {
      for start in stride(from: 0, to: all.count, by: step) {
        try session.receive(all[start..<min(start + step, all.count)].span.bytes)
        repeat {
          output.removeAll()
          try session.produce(into: output)
        } while output.count > 0
      }
    } catch {}
    session.abandon()
    precondition(session.openStreamCount == 0, "streams outlive their session")
  }
}

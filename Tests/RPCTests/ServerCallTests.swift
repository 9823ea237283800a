import Testing

@testable import RPC

@Suite struct ServerCallTests {
  private static let responses: [ServerCall.Response] = [.idle, .open, .ended, .closed]

  /// A call with a running handler whose response is in this state.
  private static func call(_ response: ServerCall.Response) -> ServerCall {
    var call = ServerCall()
    _ = call.start()
    switch response {
    case .idle: break
    case .open: _ = call.send()
    case .ended: _ = call.end()
    case .closed: _ = call.close()
    }
    #expect(call.response == response)
    return call
  }

  @Test("a handler is started once, and not for a call that is over")
  func start() {
    var call = ServerCall()
    #expect(call.handler == .notStarted && call.isOpen)
    let starts = [call.start(), call.start()]
    #expect(starts == [true, false] && call.handler == .running)
    call.handlerReturned()
    let again = call.start()
    #expect(!again && call.handler == .returned)

    var (ended, closed) = (ServerCall(), ServerCall())
    _ = ended.end()
    _ = closed.close()
    let late = [ended.start(), closed.start()]
    #expect(late == [false, false] && ended.handler == .notStarted && closed.handler == .notStarted)
    ended.handlerReturned()
    #expect(ended.handler == .notStarted)
  }

  @Test("the headers go with the first message; a response without messages ends whole")
  func headers() {
    var streaming = Self.call(.idle)
    let sends = [streaming.send(), streaming.send()]
    #expect(sends == [true, false] && streaming.response == .open)
    let rest = streaming.end()
    #expect(rest == .rest)
    var single = Self.call(.idle)
    let whole = single.end()
    #expect(whole == .whole)
  }

  @Test("an outcome is decided once: by an end, or by the stream's, and never after", arguments: responses)
  func decidedOnce(response: ServerCall.Response) {
    var (first, second) = (Self.call(response), Self.call(response))
    let end = first.end()
    let closeAfterEnd = first.close()
    let close = second.close()
    let endAfterClose = second.end()
    let isOver = response == .ended || response == .closed
    #expect(end == (isOver ? .ignored : response == .idle ? .whole : .rest))
    #expect(close == !isOver)
    #expect(!closeAfterEnd && endAfterClose == .ignored)
    #expect(first.response == .closed && second.response == .closed && !first.isOpen)
  }

  @Test(
    "a handler waits only while the call is open, for either thing or both, and is resumed once", arguments: responses)
  func suspension(response: ServerCall.Response) {
    var call = Self.call(response)
    let isOpen = response == .idle || response == .open
    let before = call.resume(for: .request)
    let waits = [call.suspend(for: .request), call.suspend(for: .room)]
    #expect(!before && waits == [isOpen, isOpen] && call.suspension == (isOpen ? [.request, .room] : []))
    let requests = [call.resume(for: .request), call.resume(for: .request)]
    #expect(requests == [isOpen, false] && call.suspension == (isOpen ? .room : []))
    let rooms = [call.resume(for: .room), call.resume(for: .room)]
    #expect(rooms == [isOpen, false])
  }

  @Test("what a handler waits for when the call ends is resumed afterwards", arguments: [true, false])
  func resumedAfterEnd(closes: Bool) {
    var call = Self.call(.open)
    _ = call.suspend(for: .request)
    if closes { _ = call.close() } else { _ = call.end() }
    let resumed = call.resume(for: .request)
    let again = call.suspend(for: .request)
    #expect(resumed && !again && call.handler == .running)
    call.handlerReturned()
    #expect(call.handler == .returned)
  }

  @Test("a call holds one value of each type, which can be replaced and removed")
  func values() {
    struct Name: Equatable { var text: String }
    var values = CallValues()
    #expect(values[Name.self] == nil && values[Int.self] == nil)
    values[Name.self] = Name(text: "a")
    values[Int.self] = 7
    #expect(values[Name.self] == Name(text: "a") && values[Int.self] == 7 && values[String.self] == nil)
    values[Name.self]?.text = "b"
    #expect(values[Name.self]?.text == "b" && values[Int.self] == 7)
    values[Name.self] = nil
    #expect(values[Name.self] == nil && values[Int.self] == 7)
    values[Name.self] = Name(text: "c")
    #expect(values[Name.self]?.text == "c")
  }
}

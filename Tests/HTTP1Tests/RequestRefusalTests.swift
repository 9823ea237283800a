import HTTP1
import Testing

/// A request that is refused, and the reason.
struct RefusedRequest: CustomTestStringConvertible, Sendable {
  let refusal: HTTP1Refusal
  let text: String

  init(_ refusal: HTTP1Refusal, _ text: String) {
    self.refusal = refusal
    self.text = text
  }

  var testDescription: String { "\(refusal): \(text.debugDescription)" }
}

@Suite("HTTP1 refusals")
struct RequestRefusalTests {
  @Test("a request that two parsers could read differently is refused", arguments: RefusedRequests.all)
  func refused(request: RefusedRequest) {
    let reading = Reading(request.text + Wire.request())
    #expect(reading.refusal == request.refusal)
    #expect(reading.isClosed && !reading.requests.contains(where: \.isWhole))
  }

  @Test("each refusal has the status of its kind")
  func statuses() {
    #expect(Set(HTTP1Refusal.allCases.map(\.status)) == [400, 414, 417, 431, 501, 505])
    #expect(HTTP1Refusal.twoLengths.status == 400 && HTTP1Refusal.requestLineTooLong.status == 414)
    #expect(HTTP1Refusal.expectation.status == 417 && HTTP1Refusal.headersTooLarge.status == 431)
    #expect(HTTP1Refusal.unknownTransferCoding.status == 501 && HTTP1Refusal.version.status == 505)
  }

  @Test(
    "hosts are names, addresses and ports",
    arguments: [
      "a", "A.b-c_d~", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:65535", "[::ffff:1.2.3.4]", "a:", "a%41", "a.:0",
    ])
  func hosts(host: String) { #expect(Reading(Wire.request(["Host: \(host)"], "")).requests.count == 1) }
}

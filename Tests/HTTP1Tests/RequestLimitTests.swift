import HTTP
import HTTP1
import Testing

/// Each limit at its value and one past it, in one piece and byte by byte.
@Suite("HTTP1 limits")
struct RequestLimitTests {
  private static func refusal(_ text: String, _ limits: HTTP1Limits = HTTP1Limits()) -> HTTP1Refusal? {
    let bytes = Array(text.utf8)
    let reading = Reading(bytes, limits: limits)
    #expect(reading == Reading(bytes, cuts: Array(1..<bytes.count), limits: limits))
    return reading.refusal
  }

  private static func padding(_ count: Int) -> String { String(repeating: "p", count: count) }

  @Test("a request line", arguments: [0, 1])
  func requestLine(excess: Int) {
    let count = HTTP1Limits().requestLineBytesMax - "GET / HTTP/1.1".utf8.count + excess
    let text = Wire.request("GET /\(Self.padding(count)) HTTP/1.1")
    #expect(Self.refusal(text) == (excess == 0 ? nil : .requestLineTooLong))
  }

  @Test("a head that is too large is looked through for Origin up to its end, or to a limit")
  func originOfTooLarge() {
    let large = [
      Wire.request("GET /\(Self.padding(9_000)) HTTP/1.1", ["Host: a", "ORIGIN:  https://app \t", "Origin: b"]),
      Wire.request(["Host: a"] + (0..<120).map { "X-\($0): 1" } + ["Origin: https://app"], ""),
      Wire.request(["Host: a", "X: " + Self.padding(16_000), "Y: " + Self.padding(900), "Origin: https://app"], ""),
      Wire.request(["Host: a", "X: " + Self.padding(40_000), "Origin: https://app"], ""),
    ]
    for text in large {
      let bytes = Array(text.utf8)
      for cuts in [[], [1], [100, 1_000], [bytes.count - 30], Array(1..<bytes.count)] {
        let reading = Reading(bytes, cuts: cuts)
        #expect(reading.refusal == .requestLineTooLong || reading.refusal == .headersTooLarge)
        #expect(reading.origin == "https://app", "\(cuts.prefix(3))")
      }
    }
    // A longer line is no origin.
    for (count, wanted) in [(512 - "Origin: \r".utf8.count, true), (512 - "Origin: ".utf8.count, false)] {
      let text = Wire.request(["Host: a", "X: " + Self.padding(40_000), "Origin: " + Self.padding(count)], "")
      #expect((Reading(Array(text.utf8)).origin != nil) == wanted, "\(count)")
    }
    // A head without an end.
    let open = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    for excess in [0, 1] {
      let text = open + Self.padding(131_071 + excess - open.utf8.count)
      #expect(Self.refusal(text) == (excess == 0 ? nil : .headersTooLarge))
    }
  }

  @Test("a header list, the pseudo fields included", arguments: [0, 1])
  func headerList(excess: Int) {
    var limits = HTTP1Limits()
    limits.headerListBytesMax = 1_000
    let fixed = [(":method", "POST"), (":path", "/x"), (":authority", "a"), (":scheme", "http"), ("x", "")]
      .reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + HeaderBlock.fieldOverheadBytes }
    let big = "X: " + Self.padding(1_000 - fixed + excess)
    #expect(Self.refusal(Wire.request(["Host: a", big], ""), limits) == (excess == 0 ? nil : .headersTooLarge))
    // A smaller field behind the large one is still recorded for the answer.
    let reading = HTTP1RequestReading.headers(after: Wire.request(["Host: a", big, "Y: 1"], ""), limits)
    #expect(reading.firstValue("y") == (excess == 0 ? nil : "1"))
  }

  @Test("field lines", arguments: [0, 1])
  func fieldLines(excess: Int) {
    let fields = ["Host: a"] + (1..<HTTP1Limits().fieldLinesMax + excess).map { "X-\($0): 1" }
    #expect(Self.refusal(Wire.request(fields, "")) == (excess == 0 ? nil : .headersTooLarge))
  }

  @Test("the bytes of a head, whatever they consist of", arguments: [0, 1])
  func headBytes(excess: Int) {
    var limits = HTTP1Limits()
    limits.requestLineBytesMax = 100
    limits.headerListBytesMax = 500
    let fixed = Wire.request(["Host: a", "X: "], "").utf8.count
    let text = Wire.request(["Host: a", "X: " + String(repeating: " ", count: 600 - fixed + excess)], "")
    #expect(Self.refusal(text, limits) == (excess == 0 ? nil : .headersTooLarge))
    let open = String(decoding: Array(text.utf8).prefix(600 + excess - 4), as: UTF8.self)
    #expect(Self.refusal(open, limits) == nil)
    #expect(Self.refusal(open + "     \r\n\r\n", limits) == .headersTooLarge)
  }

  @Test("a content-length is at most 63 bits", arguments: [0, 1])
  func contentLength(excess: UInt64) {
    let value = UInt64(Int64.max) + excess
    #expect(
      Self.refusal(Wire.request(["Host: a", "Content-Length: \(value)"], "")) == (excess == 0 ? nil : .contentLength))
  }

  @Test("a chunk", arguments: [0, 1])
  func chunk(excess: Int) {
    let size = String(HTTP1Limits().chunkBytesMax + excess, radix: 16)
    #expect(Self.refusal(Wire.chunked(size + "\r\n")) == (excess == 0 ? nil : .chunkTooLarge))
    let digits = String(repeating: "0", count: 15 + excess) + "1"
    #expect(Self.refusal(Wire.chunked(digits + "\r\n")) == (excess == 0 ? nil : .chunk))
  }

  @Test("the extensions of one chunk, and of all together", arguments: [0, 1])
  func chunkExtensions(excess: Int) {
    let all = HTTP1Limits().chunkExtensionBytesMax + excess
    let expected: HTTP1Refusal? = excess == 0 ? nil : .chunkExtensionsTooLarge
    #expect(Self.refusal(Wire.chunked("1;\(Self.padding(all - 1))\r\n")) == expected)
    #expect(Self.refusal(Wire.chunked("0;\(Self.padding(all - 1))\r\n")) == expected)
    let half = "1;\(Self.padding(511))\r\nx\r\n"
    #expect(Self.refusal(Wire.chunked(half + "1;\(Self.padding(all - 513))\r\n")) == expected)
    // The parser does not wait for the line's end.
    let line = HTTP1Limits().chunkExtensionBytesMax + 16
    #expect(Self.refusal(Wire.chunked("1;" + Self.padding(line - 1))) == nil)
    #expect(Self.refusal(Wire.chunked("1;" + Self.padding(line))) == .chunkExtensionsTooLarge)
  }

  @Test("trailer fields and their bytes", arguments: [0, 1])
  func trailers(excess: Int) {
    var limits = HTTP1Limits()
    limits.fieldLinesMax = 4
    limits.headerListBytesMax = 300
    let expected: HTTP1Refusal? = excess == 0 ? nil : .headersTooLarge
    let lines = String(repeating: "X: 1\r\n", count: 4 + excess)
    #expect(Self.refusal(Wire.chunked("0\r\n\(lines)\r\n"), limits) == expected)
    let bytes = "X: \(Self.padding(147))\r\nY: \(Self.padding(147 + excess))\r\n"
    #expect(Self.refusal(Wire.chunked("0\r\n\(bytes)\r\n"), limits) == expected)
  }
}

enum HTTP1RequestReading {
  /// The fields read of a request, even of one that was refused.
  static func headers(after text: String, _ limits: HTTP1Limits) -> ReceivedHeaders {
    var parser = HTTP1RequestParser(limits: limits)
    let headers = ReceivedHeaders()
    var offset = 0
    _ = try? parser.next(in: Array(text.utf8).span.bytes, from: &offset, headers: headers)
    return headers
  }
}

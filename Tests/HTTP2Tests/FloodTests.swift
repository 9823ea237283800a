import HTTP
@testable import HTTP2
import Testing

/// The reaction of a server's session to hand-written frames, while its clock stands still.
@Suite("Floods")
struct FloodTests {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4)

  private static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream] + payload
  }

  /// Header fields of a request, in HPACK: :method POST, :scheme http, :path / from the static
  /// table, and :authority a.
  private static let wholeRequest: [UInt8] = [0x83, 0x86, 0x84, 0x01, 1, 97]
  /// The same without the path, so malformed.
  private static let withoutPath: [UInt8] = [0x83, 0x86, 0x01, 1, 97]

  /// Requests on new streams, each followed by `more` on its stream.
  private static func requests(_ count: Int, _ fields: [UInt8], then more: (UInt8) -> [UInt8] = { _ in [] }) -> [UInt8]
  {
    var bytes: [UInt8] = []
    for index in 0..<count {
      let stream = UInt8(index * 2 + 1)
      bytes += frame(1, flags: 4, stream: stream, fields)
      bytes += more(stream)
    }
    return bytes
  }

  /// The flood that a session reports; nil: none.
  private static func flood(_ limits: HTTPLimits, _ frames: [UInt8]) throws -> HTTPFlood? {
    let session = try HTTP2Session(role: .server, resources: HTTP2Resources(limits: limits))
    try session.receive(preface.span.bytes)
    do throws(HTTPError) { try session.receive(frames.span.bytes) } catch {
      guard session.flood != nil else { throw error }
    }
    let output = HTTPOutputBuffer()
    try? session.produce(into: output)
    return session.flood
  }

  // SETTINGS, WINDOW_UPDATE, PRIORITY.
  @Test(
    "frames without work are accepted up to the burst, and not one more",
    arguments: [
      (4, [UInt8]()), (8, [0, 0, 0, 1]), (2, [0, 0, 0, 0, 16]),
    ] as [(UInt8, [UInt8])])
  func frames(type: UInt8, payload: [UInt8]) throws {
    var limits = HTTPLimits()
    limits.idleFrames = FrameRate(burst: 20, perSecond: 1)
    let stream: UInt8 = type == 2 ? 1 : 0
    let one = Self.frame(type, stream: stream, payload)
    // The preface's SETTINGS frame is one of them.
    #expect(try Self.flood(limits, [UInt8]([[UInt8]](repeating: one, count: 19).joined())) == nil)
    #expect(try Self.flood(limits, [UInt8]([[UInt8]](repeating: one, count: 20).joined())) == .frames)
  }

  @Test("pings in quick succession are strikes, and after the allowed strikes the connection ends")
  func pings() throws {
    let ping = Self.frame(6, flags: 0, stream: 0, [UInt8](repeating: 1, count: 8))
    // The first ping is no strike.
    #expect(try Self.flood(HTTPLimits(), ping + ping + ping) == nil)
    #expect(try Self.flood(HTTPLimits(), ping + ping + ping + ping) == .pings)
  }

  @Test("streams may be reset up to the burst, and not one more")
  func resets() throws {
    var limits = HTTPLimits()
    limits.resets = FrameRate(burst: 10, perSecond: 1)
    func opened(_ count: Int) -> [UInt8] {
      Self.requests(count, Self.wholeRequest) { Self.frame(3, stream: $0, [0, 0, 0, 8]) }
    }
    #expect(try Self.flood(limits, opened(10)) == nil)
    #expect(try Self.flood(limits, opened(11)) == .resets)
  }

  @Test("streams that we reset because of the peer's errors are counted as well")
  func madeToReset() throws {
    var limits = HTTPLimits()
    limits.resets = FrameRate(burst: 10, perSecond: 1)
    #expect(try Self.flood(limits, Self.requests(10, Self.withoutPath)) == nil)
    #expect(try Self.flood(limits, Self.requests(11, Self.withoutPath)) == .resets)
  }

  @Test("a header list may exceed its limit by a margin, and not by one field more")
  func headerBomb() throws {
    var limits = HTTPLimits()
    limits.headerListBytesMax = 167  // the whole request
    limits.refusedHeaderListBytesMax = 10 * 133
    // A field of 1 + 100 + 32 bytes in HPACK's table, then references to it of one byte each.
    func bomb(_ count: Int) -> [UInt8] {
      let field = [0x40, 1, 97, 100] + [UInt8](repeating: 118, count: 100)
      return Self.requests(1, Self.wholeRequest + field + [UInt8](repeating: 0xBE, count: count - 1))
    }
    #expect(try Self.flood(limits, bomb(10)) == nil)
    #expect(try Self.flood(limits, bomb(11)) == .resets)
  }

  @Test("a budget refills with time, up to its burst, and work adds to it")
  func refill() {
    let rate = FrameRate(burst: 2, perSecond: 1_000)
    var budget = TokenBucket(rate, atMilliseconds: 0)
    func takes(_ wanted: [Bool], at now: UInt64) { for taken in wanted { #expect(budget.take(rate) { now } == taken) } }
    takes([true, true, false], at: 0)
    takes([true, true, false], at: 3)
    budget.give(100, rate)
    takes([true, true, false], at: 3)
    takes([true], at: 1_000_000)
  }
}

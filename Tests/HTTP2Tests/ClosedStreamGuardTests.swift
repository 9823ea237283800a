@testable import HTTP2
import Testing

@Suite("ClosedStreamGuard")
struct ClosedStreamGuardTests {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let (data, headers, priority, reset): (UInt8, UInt8, UInt8, UInt8) = (0, 1, 2, 3)

  private static func frame(_ type: UInt8, _ stream: UInt32, ends: Bool = false, payload: Int = 3) -> [UInt8] {
    [0, 0, UInt8(payload), type, ends ? 1 : 0] + withUnsafeBytes(of: stream.bigEndian, Array.init)
      + [UInt8](repeating: 0xFF, count: payload)
  }

  /// The faults in frames, for any division into reads.
  private static func faults(_ frames: [[UInt8]], bytesPerRead: Int = .max) -> [ClosedStreamGuard.Fault] {
    var guarded = ClosedStreamGuard()
    var found: [ClosedStreamGuard.Fault] = []
    let bytes = preface + frames.joined()
    for start in stride(from: 0, to: bytes.count, by: min(bytesPerRead, bytes.count)) {
      let read = Array(bytes[start..<min(start + min(bytesPerRead, bytes.count), bytes.count)])
      var offset = 0
      while let next = guarded.next(in: read.span.bytes, from: &offset) { found.append(next.fault) }
    }
    return found
  }

  @Test("valid frames of a client are no fault, in reads of any size", arguments: [1, 2, 7, 9, 10, 1_000])
  func orderly(bytesPerRead: Int) {
    let frames = [
      Self.frame(Self.headers, 1), Self.frame(Self.data, 1), Self.frame(Self.headers, 3, ends: true),
      Self.frame(Self.data, 1, ends: true),
      Self.frame(8, 1), Self.frame(Self.reset, 1), Self.frame(Self.priority, 1), Self.frame(8, 0),
      Self.frame(Self.reset, 3),
      // Frames of streams that we have reset, sent before the client knew.
      Self.frame(Self.headers, 9), Self.frame(Self.data, 9), Self.frame(Self.headers, 9, ends: true),
      // Frames on idle or server streams: nghttp2 judges them.
      Self.frame(Self.data, 2), Self.frame(Self.data, 99), Self.frame(Self.reset, 99), Self.frame(Self.headers, 11),
    ]
    #expect(Self.faults(frames, bytesPerRead: bytesPerRead) == [])
  }

  @Test(
    "DATA and HEADERS after the client's own end are faults, in reads of any size", arguments: [1, 2, 7, 9, 10, 1_000])
  func late(bytesPerRead: Int) {
    let ended = [Self.frame(Self.headers, 1), Self.frame(Self.data, 1, ends: true)]
    for type in [Self.data, Self.headers] {
      #expect(Self.faults(ended + [Self.frame(type, 1)], bytesPerRead: bytesPerRead) == [.afterEnd(stream: 1)])
      #expect(
        Self.faults(ended + [Self.frame(Self.reset, 1), Self.frame(type, 1)], bytesPerRead: bytesPerRead)
          == [.afterReset(stream: 1)])
      #expect(
        Self.faults(
          [Self.frame(Self.headers, 1), Self.frame(Self.reset, 1), Self.frame(type, 1, ends: true)],
          bytesPerRead: bytesPerRead)
          == [.afterReset(stream: 1)])
    }
  }

  @Test("only the first frame on a reset stream is reported")
  func once() {
    let frames = [
      Self.frame(Self.headers, 1), Self.frame(Self.reset, 1), Self.frame(Self.data, 1), Self.frame(Self.data, 1),
    ]
    #expect(Self.faults(frames) == [.afterReset(stream: 1)])
  }

  @Test("the latest four ends are stored, and not one more")
  func bounded() {
    let streams = (0..<5).map { UInt32(2 * $0 + 1) }
    let opened = streams.map { Self.frame(Self.headers, $0, ends: true) }
    #expect(Self.faults(opened + [Self.frame(Self.data, 3)]) == [.afterEnd(stream: 3)])
    #expect(Self.faults(opened + [Self.frame(Self.data, 1)]) == [])
  }

  @Test("a skipped stream number cannot be opened any more, and PRIORITY is never an error of the connection")
  func numbers() {
    let opened = [Self.frame(Self.headers, 1), Self.frame(Self.headers, 9)]
    for stream: UInt32 in [3, 5, 7] {
      #expect(Self.faults(opened + [Self.frame(Self.headers, stream)]) == [.numberPassed])
    }
    #expect(Self.faults(opened + [Self.frame(Self.headers, 11)]) == [])
    #expect(Self.faults([Self.frame(Self.headers, 5), Self.frame(Self.headers, 1)]) == [.numberPassed])
    #expect(Self.faults([Self.frame(Self.priority, 0, payload: 5)]) == [.priorityOfConnection])
  }
}

/// Watches a client's frames on their way to nghttp2, which forgets a stream once it is closed and
/// then takes no offence at what comes for it.
///
/// It remembers how the client ended its latest few streams: what it sends on one of these
/// afterwards is its mistake, not something that was on its way when we reset the stream. Bounded:
/// 4 streams and one gap between numbers, in 48 bytes. Source: RFC 9113, sections 5.1, 5.1.1 and
/// 6.3.
struct ClosedStreamGuard {
  enum Fault: Equatable {
    /// DATA or HEADERS after END_STREAM: an error of the connection, if we have closed the stream
    /// as well.
    case afterEnd(stream: Int32)
    /// DATA or HEADERS after RST_STREAM: an error of the stream.
    case afterReset(stream: Int32)
    /// HEADERS of a stream with a lower number than one before, which was never opened: an error of
    /// the connection.
    case numberPassed
    /// PRIORITY for the connection: an error of it.
    case priorityOfConnection
  }

  private static let prefaceBytes = 24
  private static let headerBytes = 9
  private static let endStream: UInt64 = 1

  /// Bytes until the next frame's header.
  private var skipped = UInt32(prefaceBytes)
  /// The part of a frame's header that came before a read's end.
  private var partial: [UInt8] = []
  /// Streams that the client ended lately, each twice its number, plus one if by RST_STREAM; 0:
  /// none.
  private var ended = SIMD4<UInt32>()
  private var nextPlace: UInt8 = 0
  private var lastOpened: UInt32 = 0
  /// The latest numbers that were passed over; empty: lower bound above the upper.
  private var passed: (first: UInt32, last: UInt32) = (1, 0)

  /// Looks through `bytes` from `offset` on.
  ///
  /// - Parameter offset: Moved behind the last header that was looked at.
  /// - Returns: The next fault, and where its frame begins in `bytes` (0 if in an earlier read);
  ///   nil when there is none to the end.
  mutating func next(in bytes: RawSpan, from offset: inout Int) -> (fault: Fault, start: Int)? {
    while offset < bytes.byteCount {
      guard skipped == 0 else {
        let count = min(Int(skipped), bytes.byteCount - offset)
        skipped -= UInt32(count)
        offset += count
        continue
      }
      let start = offset
      guard partial.isEmpty, bytes.byteCount - offset >= Self.headerBytes else {
        let missing = min(Self.headerBytes - partial.count, bytes.byteCount - offset)
        for index in offset..<offset + missing {
          partial.append(unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        offset += missing
        guard partial.count == Self.headerBytes else { return nil }
        let header = partial
        partial = []
        if let fault = unsafe look(at: header.span.bytes, 0) { return (fault, 0) }
        continue
      }
      offset += Self.headerBytes
      if let fault = look(at: bytes, start) { return (fault, start) }
    }
    return nil
  }

  /// Takes the header that lies at `offset`.
  @inline(__always)
  private mutating func look(at bytes: RawSpan, _ offset: Int) -> Fault? {
    let head = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
    let low = unsafe bytes.unsafeLoad(fromByteOffset: offset + 8, as: UInt8.self)
    let stream = UInt32(truncatingIfNeeded: head & 0x7F_FFFF) << 8 | UInt32(low)
    skipped = UInt32(head >> 40)
    switch head >> 32 & 0xFF {
    case 0, 1: return receive(isHeaders: head >> 32 & 0xFF == 1, ends: head >> 24 & Self.endStream != 0, stream)
    case 2: return stream == 0 ? .priorityOfConnection : nil
    case 3:
      if stream & 1 == 1, stream <= lastOpened { note(stream, wasReset: true) }
      return nil
    default: return nil
    }
  }

  @inline(__always)
  private mutating func receive(isHeaders: Bool, ends: Bool, _ stream: UInt32) -> Fault? {
    guard stream & 1 == 1 else { return nil }
    if stream > lastOpened {
      guard isHeaders else { return nil }
      let expected = lastOpened == 0 ? 1 : lastOpened + 2
      if stream > expected { passed = (expected, stream - 2) }
      lastOpened = stream
    } else {
      let same = (ended &>> 1) .== SIMD4(repeating: stream)
      if any(same) {
        guard any(same .& ((ended & 1) .== 1)) else { return .afterEnd(stream: Int32(stream)) }
        // Said once: section 5.4.2.
        ended.replace(with: SIMD4(repeating: 0), where: same)
        return .afterReset(stream: Int32(stream))
      }
      if isHeaders, stream >= passed.first, stream <= passed.last { return .numberPassed }
    }
    if ends { note(stream, wasReset: false) }
    return nil
  }

  private mutating func note(_ stream: UInt32, wasReset: Bool) {
    let same = (ended &>> 1) .== SIMD4(repeating: stream)
    let value = stream << 1 | (wasReset ? 1 : 0)
    if any(same) {
      ended.replace(with: SIMD4(repeating: value), where: same)
    } else {
      ended[Int(nextPlace)] = value
      nextPlace = (nextPlace + 1) & 3
    }
  }
}

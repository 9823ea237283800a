internal import CSplice
internal import Glibc

/// Passes the bytes of one pipe on to two other pipes and to a closure. The kernel duplicates the
/// pages without copying them; the bytes are read once.
///
/// Source: tee(2), which duplicates the first bytes of a pipe without consuming them.
struct PipeTee {
  /// Bytes requested from tee(2) at a time; the pipes' sizes limit the actual number.
  private static let stepBytes = 1_048_576
  /// Bytes read and passed to the closure at a time.
  private static let chunkBytes = 131_072

  private let source: Descriptor
  private let sink: Descriptor

  /// - Parameter sink: The pipe that gets all bytes.
  init(from source: Descriptor, to sink: Descriptor) {
    (self.source, self.sink) = (source, sink)
  }

  /// Moves all bytes until the source's end. It continues after a reader has stopped, so that the
  /// source's writer is not blocked.
  ///
  /// - Parameters:
  ///   - other: A second pipe that gets all bytes; nil: none. If its reader stops, that reader
  ///     reports the reason.
  ///   - show: Receives all bytes, in order.
  func run(other: Descriptor?, _ show: (RawSpan) -> Void) throws(OperationsError) {
    var (first, second) = (Optional(sink), other)
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      if first == nil { swap(&first, &second) }
      // The first pipe gets the available bytes. Then the second gets a part of them, and that part
      // is consumed from the source. This repeats until the second has all of them.
      var left = Self.stepBytes
      if let target = first {
        guard let duplicated = try Self.duplicated(from: source, to: target, left) else {
          first = nil
          continue
        }
        guard duplicated > 0 else { return }
        left = duplicated
      }
      while left > 0 {
        var count = min(left, chunk.count)
        if let target = second {
          guard let duplicated = try Self.duplicated(from: source, to: target, count) else {
            second = nil
            continue
          }
          count = duplicated
        }
        var unread = count
        repeat {
          let taken = try source.read(into: &chunk, count: unread)
          guard taken > 0 else { return }
          show(unsafe chunk.span.bytes.extracting(first: taken))
          left -= taken
          unread -= taken
          // Without a second pipe the number of bytes does not matter.
        } while unread > 0 && second != nil
      }
    }
  }

  /// - Returns: The number of bytes that the target got; 0 at the source's end; nil if the target's
  ///   other end is closed.
  private static func duplicated(
    from source: Descriptor, to target: Descriptor, _ count: Int
  ) throws(OperationsError) -> Int? {
    while true {
      let result = csplice_tee(source.number, target.number, count)
      if result >= 0 { return result }
      if errno == EINTR { continue }
      if errno == EPIPE { return nil }
      throw .fileUnusable("cannot pass the dump on: \(lastError())")
    }
  }
}

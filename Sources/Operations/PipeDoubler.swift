internal import CSplice
internal import Glibc

/// Hands what comes out of one pipe to two others without copying it, and shows it: the kernel
/// passes its pages on, and they are read once.
///
/// Source: tee(2), which doubles what a pipe holds from its beginning and takes nothing away.
struct PipeDoubler {
  /// Bytes asked for at a time; the pipes' sizes say how many it becomes.
  private static let stepBytes = 1_048_576
  /// Bytes read and shown at a time.
  private static let chunkBytes = 131_072

  private let source: Descriptor
  private let sink: Descriptor

  /// - Parameter sink: Who gets everything.
  init(from source: Descriptor, to sink: Descriptor) {
    (self.source, self.sink) = (source, sink)
  }

  /// Moves everything until the source's end, whoever still reads: who writes the source comes to
  /// its own end.
  ///
  /// - Parameters:
  ///   - other: Who gets everything too; nil: nobody. Whoever stops reading knows why.
  ///   - show: Is lent everything that passes, in order.
  func run(other: Descriptor?, _ show: (RawSpan) -> Void) throws(OperationsError) {
    var (first, second) = (Optional(sink), other)
    var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
    while true {
      if first == nil { swap(&first, &second) }
      // The first gets what is there; then the second gets a part of it, which leaves the source,
      // and so on.
      var left = Self.stepBytes
      if let target = first {
        guard let doubled = try Self.doubled(from: source, to: target, left) else {
          first = nil
          continue
        }
        guard doubled > 0 else { return }
        left = doubled
      }
      while left > 0 {
        var count = min(left, chunk.count)
        if let target = second {
          guard let doubled = try Self.doubled(from: source, to: target, count) else {
            second = nil
            continue
          }
          count = doubled
        }
        var unread = count
        repeat {
          let taken = try source.read(into: &chunk, count: unread)
          guard taken > 0 else { return }
          show(unsafe chunk.span.bytes.extracting(first: taken))
          left -= taken
          unread -= taken
          // Without a second one nobody waits for exactly so many.
        } while unread > 0 && second != nil
      }
    }
  }

  /// - Returns: How many bytes the target got; 0 at the source's end; nil if nobody reads at the
  ///   target's other end.
  private static func doubled(
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

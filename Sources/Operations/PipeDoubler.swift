internal import CSplice
internal import Glibc

/// Hands what comes out of one pipe to two others without copying it: the kernel passes its pages on.
///
/// Source: tee(2), splice(2).
struct PipeDoubler {
  /// Bytes asked for at a time; the pipes' sizes say how many it becomes.
  private static let stepBytes = 1_048_576

  private let source: Descriptor
  private let sink: Descriptor
  private let nowhere: Descriptor

  /// - Parameter sink: Who gets everything.
  init(from source: Descriptor, to sink: Descriptor) throws(OperationsError) {
    (self.source, self.sink) = (source, sink)
    nowhere = try Descriptor.open("/dev/null", O_WRONLY)
  }

  /// Moves everything until the source's end, whoever still reads: who writes the source comes to its own end.
  ///
  /// - Parameters:
  ///   - other: Who gets everything too; nil: nobody. Whoever stops reading knows why.
  ///   - count: Is told how many bytes have passed.
  func run(other: Descriptor?, _ count: (Int) -> Void) throws(OperationsError) {
    var (first, second) = (sink, other ?? nowhere)
    while true {
      if second === nowhere {
        guard let moved = try Self.moved(from: source, to: first) else {
          first = nowhere
          continue
        }
        guard moved > 0 else { return }
        count(moved)
        continue
      }
      if first === nowhere { swap(&first, &second) }
      guard second !== nowhere else { continue }
      guard let doubled = try Self.checked({ csplice_tee(source.number, first.number, Self.stepBytes) }) else {
        first = nowhere
        continue
      }
      guard doubled > 0 else { return }
      count(doubled)
      // The first has them; now they leave the source.
      var left = doubled
      while left > 0 {
        guard let moved = try Self.moved(from: source, to: second, left) else {
          second = nowhere
          continue
        }
        left -= moved
      }
    }
  }

  private static func moved(
    from source: Descriptor, to target: Descriptor, _ count: Int = stepBytes
  ) throws(OperationsError) -> Int? {
    try checked { csplice_splice(source.number, target.number, count) }
  }

  /// - Returns: What the call did; nil if nobody reads at the other end.
  private static func checked(_ call: () -> Int) throws(OperationsError) -> Int? {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno == EINTR { continue }
      if errno == EPIPE { return nil }
      throw .fileUnusable("cannot pass the dump on: \(lastError())")
    }
  }
}

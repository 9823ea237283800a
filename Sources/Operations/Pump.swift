/// Takes bytes.
protocol ByteSink {
  /// - Returns: Whether more makes sense; who reads from the sink knows why not.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool
}

/// Moves bytes between programs, with memory for one chunk.
enum Pump {
  /// Bytes moved at a time.
  static let chunkBytes = 262_144

  /// Moves everything from a descriptor into the sinks, each until it has enough; a counter always
  /// wants more, so that whoever writes comes to its own end.
  static func copy(from source: Descriptor, to sinks: [any ByteSink]) throws(OperationsError) {
    var chunk = [UInt8](repeating: 0, count: chunkBytes)
    var isOpen = sinks.map { _ in true }
    while true {
      let count = try source.read(into: &chunk)
      guard count > 0 else { return }
      for (index, sink) in sinks.enumerated() where isOpen[index] { isOpen[index] = try sink.write(chunk[..<count]) }
      guard isOpen.contains(true) else { return }
    }
  }
}

/// Counts what passes, for whoever looks on.
final class ByteCounter: ByteSink {
  private(set) var byteCount: Int64 = 0
  private let add: (Int) -> Void

  init(_ add: @escaping (Int) -> Void) { self.add = add }

  func write(_ bytes: ArraySlice<UInt8>) -> Bool {
    byteCount += Int64(bytes.count)
    add(bytes.count)
    return true
  }
}

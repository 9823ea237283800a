/// Takes bytes.
protocol ByteSink {
  /// - Returns: Whether the sink takes more bytes. If not, the sink's owner reports the reason.
  func write(_ bytes: ArraySlice<UInt8>) throws(OperationsError) -> Bool
}

/// Copies bytes between programs, with one chunk in memory.
enum StreamCopy {
  /// Bytes copied at a time. Measured between pipes of 1 MiB: half and twice as many cost more.
  static let chunkBytes = 131_072

  /// Copies all bytes of a descriptor to the sinks. A sink that returned false gets no more.
  /// Include a `ByteCounter`, which always takes more, to read the source to its end.
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

/// Ends a copy when the run is cancelled.
struct CancellationSink: ByteSink {
  private let progress: Progress

  init(_ progress: Progress) { self.progress = progress }

  func write(_: ArraySlice<UInt8>) throws(OperationsError) -> Bool {
    guard !progress.isCancelled else { throw .programFailed("it was stopped with this program") }
    return true
  }
}

/// Counts the bytes written to it, for progress reports.
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

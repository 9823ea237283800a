import Glibc
@testable import Operations
import Testing

@Suite(.serialized) struct PipeTeeTests {
  private static let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  /// Runs a tee over `bytes`.
  ///
  /// - Parameter limits: How many bytes each of the two readers takes before it closes its end;
  ///   nil: all.
  private static func run(_ limits: [Int?], hasOther: Bool = true) throws -> (received: [[UInt8]], shown: [UInt8]) {
    signal(SIGPIPE, SIG_IGN)
    let (source, input) = try Descriptor.pipe()
    let start = TransferBox(input)
    let writer = OwnThread { () -> Bool in
      defer { start.value.close() }
      return (try? start.value.write(bytes[...])) ?? false
    }
    let pipes = [try Descriptor.pipe(), try Descriptor.pipe()]
    let readers = zip(pipes, limits).map { pipe, limit in
      let end = TransferBox(pipe.reading)
      return OwnThread { () -> [UInt8] in
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while received.count < limit ?? .max, let count = try? end.value.read(into: &chunk), count > 0 {
          received += chunk[..<count]
        }
        end.value.close()
        return received
      }
    }
    var shown: [UInt8] = []
    try PipeTee(from: source, to: pipes[0].writing).run(other: hasOther ? pipes[1].writing : nil) { bytes in
      unsafe bytes.withUnsafeBytes { unsafe shown.append(contentsOf: $0) }
    }
    for pipe in pipes { pipe.writing.close() }
    #expect(writer.join())
    return (readers.map { $0.join() }, shown)
  }

  @Test("both readers get every byte in order, and the closure sees all of them")
  func both() throws {
    let (received, shown) = try Self.run([nil, nil])
    #expect(received == [Self.bytes, Self.bytes] && shown == Self.bytes)
  }

  @Test("a reader that stops does not block the others, and the source is read to its end", arguments: 0..<4)
  func oneStops(which: Int) throws {
    let (received, shown) = try Self.run([which & 1 == 0 ? nil : 100_000, which & 2 == 0 ? nil : 200_000])
    #expect(shown == Self.bytes)
    for (bytes, stops) in zip(received, [which & 1 != 0, which & 2 != 0]) {
      if stops {
        #expect(bytes.count >= 100_000 && Self.bytes.starts(with: bytes))
      } else {
        #expect(bytes == Self.bytes)
      }
    }
  }

  @Test("without a second pipe, the sink gets everything")
  func alone() throws {
    let (received, shown) = try Self.run([nil, 0], hasOther: false)
    #expect(received == [Self.bytes, []] && shown == Self.bytes)
  }
}

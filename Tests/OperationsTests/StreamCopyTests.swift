import Glibc
@testable import Operations
import Testing

@Suite(.serialized) struct StreamCopyTests {
  private static let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  /// Holds all bytes written to it.
  private final class ByteList: ByteSink {
    private(set) var bytes: [UInt8] = []

    func write(_ bytes: ArraySlice<UInt8>) -> Bool {
      self.bytes += bytes
      return true
    }
  }

  /// Copies `bytes` to two pipes and a list.
  ///
  /// - Parameter limits: How many bytes each of the pipes' readers takes before it closes its end;
  ///   nil: all.
  private static func run(_ limits: [Int?]) throws -> (received: [[UInt8]], listed: [UInt8]) {
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
    let list = ByteList()
    try StreamCopy.copy(from: source, to: [pipes[0].writing, pipes[1].writing, list])
    for pipe in pipes { pipe.writing.close() }
    #expect(writer.join())
    return (readers.map { $0.join() }, list.bytes)
  }

  @Test("every sink gets every byte in order")
  func all() throws {
    let (received, listed) = try Self.run([nil, nil])
    #expect(received == [Self.bytes, Self.bytes] && listed == Self.bytes)
  }

  @Test("a reader that stops does not block the others, and the source is read to its end", arguments: 0..<4)
  func oneStops(which: Int) throws {
    let (received, listed) = try Self.run([which & 1 == 0 ? nil : 100_000, which & 2 == 0 ? nil : 200_000])
    #expect(listed == Self.bytes)
    for (bytes, stops) in zip(received, [which & 1 != 0, which & 2 != 0]) {
      if stops {
        #expect(bytes.count >= 100_000 && Self.bytes.starts(with: bytes))
      } else {
        #expect(bytes == Self.bytes)
      }
    }
  }
}

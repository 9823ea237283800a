import Gzip
import Testing

struct GzipTests {
  private static func compressed(_ bytes: [UInt8]) throws(GzipError) -> [UInt8] {
    var output: [UInt8] = [7]
    try Gzip.compress(bytes.span.bytes, appendingTo: &output)
    return Array(output.dropFirst())
  }

  private static func expanded(_ bytes: [UInt8], bytesMax: Int = 1_000_000) throws(GzipError) -> [UInt8] {
    try Gzip.expand(bytes.span.bytes, bytesMax: bytesMax)
  }

  @Test("compressed bytes expand to the original", arguments: [0, 1, 4_095, 4_096, 4_097, 65_536, 300_000])
  func roundTrip(count: Int) throws {
    var generator = SystemRandomNumberGenerator()
    for bytes in [
      [UInt8](repeating: 65, count: count), (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) },
    ] {
      let compressed = try Self.compressed(bytes)
      #expect(try Self.expanded(compressed) == bytes)
    }
  }

  @Test("expanding to the limit passes, one byte more does not", arguments: [0, 1, 5_000, 70_000])
  func limit(count: Int) throws {
    let compressed = try Self.compressed([UInt8](repeating: 0, count: count))
    #expect(try Self.expanded(compressed, bytesMax: count).count == count)
    if count > 0 { #expect(throws: GzipError.tooLarge) { try Self.expanded(compressed, bytesMax: count - 1) } }
  }

  @Test("expanding a decompression bomb stops at the limit")
  func bomb() throws {
    let bomb = try Self.compressed([UInt8](repeating: 0, count: 8 << 20))
    #expect(bomb.count < 1 << 16)
    #expect(throws: GzipError.tooLarge) { try Self.expanded(bomb, bytesMax: 1 << 20) }
  }

  @Test("a member that is cut, damaged, or followed by other bytes is refused")
  func corrupt() throws {
    let whole = try Self.compressed(Array("streak after streak after streak".utf8))
    for count in 0..<whole.count {
      #expect(throws: GzipError.corrupt) { try Self.expanded(Array(whole.prefix(count))) }
    }
    #expect(throws: GzipError.corrupt) { try Self.expanded(whole + [0]) }
    #expect(throws: GzipError.corrupt) { try Self.expanded(whole + whole) }
    var damaged = whole
    damaged[whole.count - 5] ^= 1
    #expect(throws: GzipError.corrupt) { try Self.expanded(damaged) }
  }
}

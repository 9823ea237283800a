import Cryptography
import Testing

struct ShortHashTests {
  /// Source: the first vectors of SipHash's own reference (vectors_sip128): key 00 01 ... 0f,
  /// messages 00 01 ... of growing length.
  @Test("SipHash-2-4 with 128 bits, by its reference's vectors")
  func vectors() {
    let hash = ShortHash(key: number(Array(0..<16)))
    let expected: [[UInt8]] = [
      [0xA3, 0x81, 0x7F, 0x04, 0xBA, 0x25, 0xA8, 0xE6, 0x6D, 0xF6, 0x72, 0x14, 0xC7, 0x55, 0x02, 0x93],
      [0xDA, 0x87, 0xC1, 0xD8, 0x6B, 0x99, 0xAF, 0x44, 0x34, 0x76, 0x59, 0x11, 0x9B, 0x22, 0xFC, 0x45],
    ]
    for (count, bytes) in expected.enumerated() {
      #expect(hash(Array(0..<UInt8(count)).span.bytes) == number(bytes))
    }
    #expect(ShortHash()([UInt8]([1]).span.bytes) != hash([UInt8]([1]).span.bytes))
  }

  private func number(_ bytes: [UInt8]) -> UInt128 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt128($1) }
  }
}

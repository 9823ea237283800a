import Cryptography
import Testing

struct SealedBytesTests {
  private let key = SealedBytes.key(purpose: "test", secrets: [[1, 2], [3]])

  @Test("a box opens with the same secrets only", arguments: [0, 1, 5000])
  func opens(byteCount: Int) {
    let plain = randomBytes(count: byteCount)
    let sealed = SealedBytes.seal(plain, key: key)
    #expect(sealed.count == plain.count + SealedBytes.overheadByteCount)
    #expect(SealedBytes.open(sealed, key: key) == plain)
    #expect(SealedBytes.open(sealed, key: SealedBytes.key(purpose: "test", secrets: [[1], [2, 3]])) == nil)
    #expect(SealedBytes.open(sealed, key: SealedBytes.key(purpose: "other", secrets: [[1, 2], [3]])) == nil)
  }

  @Test("a changed or shortened box does not open")
  func changed() {
    let sealed = SealedBytes.seal([9, 9, 9], key: key)
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(SealedBytes.open(changed, key: key) == nil)
      #expect(SealedBytes.open(Array(sealed[..<index]), key: key) == nil)
    }
  }
}

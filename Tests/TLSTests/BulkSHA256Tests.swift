import Testing
import TLS

struct BulkSHA256Tests {
  // Source: FIPS 180-4, examples.
  @Test("the standard's examples, in pieces of any size", arguments: [1, 3, 100])
  func examples(pieceBytes: Int) {
    let examples = [
      "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq":
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ]
    for (text, expected) in examples {
      let hash = BulkSHA256()
      let bytes = Array(text.utf8)
      for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
        hash.update(bytes[start..<min(start + pieceBytes, bytes.count)])
      }
      let digits = hash.finish().map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
      #expect(digits == expected)
    }
  }
}

import Cryptography
import Testing

struct PaddedBase64Tests {
  @Test("the test vectors of RFC 4648, and both characters that other alphabets replace")
  func vectors() {
    let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
    for (text, encoded) in vectors { #expect(PaddedBase64.encode(Array(text.utf8)) == encoded) }
    #expect(PaddedBase64.encode([0xFB, 0xFF]) == "+/8=")
  }
}

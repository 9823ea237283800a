import Cryptography
import Testing

struct SHA256Tests {
  /// Source: FIPS 180-4 examples.
  @Test(
    "known digests come out",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
  func knownDigests(text: String, hexadecimal: String) {
    let digest = SHA256.digest(of: Array(text.utf8))
    #expect(digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined() == hexadecimal)
  }

  @Test("pieces hash like the whole, and a digest in between disturbs nothing")
  func pieces() {
    let bytes = randomBytes(count: 1000)
    var hash = SHA256()
    hash.update(Array(bytes[..<1]))
    #expect(hash.digest() == SHA256.digest(of: [bytes[0]]))
    hash.update(Array(bytes[1...]))
    #expect(hash.digest() == SHA256.digest(of: bytes))
  }
}

import Cryptography
import Testing

@Suite struct SigningKeyTests {
  private static func bytes(_ text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0..<$0 + 2]), radix: 16) }
  }

  // RFC 8032, section 7.1, tests 1 and 2.
  @Test(
    "keys and signatures are those of the RFC",
    arguments: [
      (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
      ),
      (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
      ),
    ])
  func vectors(seed: String, publicKey: String, message: String, signature: String) throws {
    let key = try #require(SigningKey(seed: Self.bytes(seed)))
    #expect(key.publicKey == Self.bytes(publicKey))
    #expect(key.sign(Self.bytes(message)) == Self.bytes(signature))
    #expect(SigningKey.isGenuine(Self.bytes(signature), of: Self.bytes(message), by: key.publicKey))
  }

  @Test("a changed message, signature or key, and values of a wrong size, are not genuine")
  func forgeries() throws {
    let key = SigningKey()
    let message = Array("manifest".utf8)
    let signature = key.sign(message)
    #expect(SigningKey.isGenuine(signature, of: message, by: key.publicKey))
    #expect(!SigningKey.isGenuine(signature, of: message + [0], by: key.publicKey))
    #expect(!SigningKey.isGenuine([signature[0] ^ 1] + signature.dropFirst(), of: message, by: key.publicKey))
    #expect(!SigningKey.isGenuine(signature, of: message, by: SigningKey().publicKey))
    #expect(!SigningKey.isGenuine(Array(signature.dropLast()), of: message, by: key.publicKey))
    #expect(!SigningKey.isGenuine([], of: message, by: key.publicKey))
    #expect(!SigningKey.isGenuine(signature, of: message, by: Array(key.publicKey.dropLast())))
    #expect(SigningKey(seed: [1, 2, 3]) == nil)
  }

  @Test("a text or dump of a key does not hold its secret")
  func description() throws {
    let key = try #require(SigningKey(seed: [UInt8](repeating: 77, count: 32)))
    var text = ""
    dump([key], to: &text)
    #expect(!text.contains("77") && !"\(key) \(String(reflecting: key))".contains("77"))
  }
}

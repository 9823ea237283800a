import Cryptography
import Testing

struct OpaqueTokenTests {
  private func text(_ token: OpaqueToken) -> String { String(decoding: token.text.exposed, as: UTF8.self) }

  @Test("a token's text gives back its kind, owner and hash", arguments: OpaqueToken.Kind.allCases)
  func roundTrip(kind: OpaqueToken.Kind) throws {
    let token = OpaqueToken(kind: kind, owner: randomBytes(count: OpaqueToken.ownerByteCount))
    #expect(text(token).utf8.count <= OpaqueToken.textBytesMax)
    let read = try #require(OpaqueToken(text: text(token)))
    #expect(read.kind == kind && read.owner == token.owner && read.hash == token.hash)
  }

  @Test("two tokens of one owner have different hashes")
  func fresh() {
    let owner = [UInt8](repeating: 7, count: 16)
    #expect(OpaqueToken(kind: .access, owner: owner).hash != OpaqueToken(kind: .access, owner: owner).hash)
  }

  @Test("a successor is another token of the same owner and family")
  func successor() {
    let proof = TokenProof(secret: [1])
    let token = OpaqueToken(kind: .refresh, owner: [UInt8](repeating: 7, count: 16), proof: proof)
    let next = OpaqueToken(successorOf: token, proof: proof)
    #expect(next.isGenuine(by: proof))
    #expect(next.kind == .refresh && next.owner == token.owner && next.familyHash == token.familyHash)
    #expect(next.hash != token.hash)
    #expect(OpaqueToken(kind: .refresh, owner: token.owner).familyHash != token.familyHash)
  }

  @Test("a server of the database recognises its own tokens, and no others")
  func genuine() throws {
    let (proof, other) = (TokenProof(secret: [1]), TokenProof(secret: [2]))
    let owner = [UInt8](repeating: 7, count: 16)
    let token = OpaqueToken(kind: .access, owner: owner, proof: proof)
    #expect(token.isGenuine(by: proof) && !token.isGenuine(by: other))
    #expect(!OpaqueToken(kind: .access, owner: owner).isGenuine(by: proof))
    for byte in [0, 15, 16, 23, 24, 31] {
      var secret = token.secret.exposed
      secret[byte] ^= 1
      #expect(!OpaqueToken(kind: .access, owner: owner, secret: Secret(secret)).isGenuine(by: proof), "byte \(byte)")
    }
    #expect(!OpaqueToken(kind: .refresh, owner: owner, secret: token.secret).isGenuine(by: proof))
    #expect(
      !OpaqueToken(kind: .access, owner: owner.reversed() + [], secret: Secret(token.secret.exposed.reversed()))
        .isGenuine(by: proof))
  }

  @Test("text that no server wrote is no token")
  func malformed() {
    let good = text(OpaqueToken(kind: .access, owner: [UInt8](repeating: 0, count: 16)))
    let bad = [
      "", ".", "access", "access.", "root." + good.dropFirst(7), String(good.dropLast()), good + "A", good + "=",
      good.replacing("access.", with: "access.\u{0}"), "access." + String(repeating: "+", count: 64),
      String(repeating: "a", count: 100_000),
    ]
    for text in bad { #expect(OpaqueToken(text: text) == nil) }
  }

  @Test("printing a token or a secret shows neither")
  func redacted() {
    let token = OpaqueToken(kind: .refresh, owner: [UInt8](repeating: 1, count: 16))
    var dumped = ""
    dump(token, to: &dumped)
    dump(Secret("hunter2"), to: &dumped)
    dumped += "\(token) \(Secret("hunter2")) \(String(reflecting: Secret("hunter2")))"
    #expect(!dumped.contains("hunter2"))
    #expect(!dumped.contains(text(token).dropFirst(8)))
    #expect(dumped.contains("redacted"))
  }

  @Test("equality in constant time is equality")
  func constantTime() {
    #expect(equalInConstantTime([], []))
    #expect(equalInConstantTime([1, 2], [1, 2]))
    #expect(!equalInConstantTime([1, 2], [1, 3]))
    #expect(!equalInConstantTime([1, 2], [1]))
  }
}

import Cryptography
import TestSupport
import Testing

struct PasswordHashTests {
  @Test("a hash matches its password and no other")
  func matching() throws {
    let hash = try PasswordHash(of: Secret("correct horse"), cost: .cheapest)
    #expect(hash.matches(Secret("correct horse")))
    #expect(!hash.matches(Secret("correct horsE")))
    #expect(!hash.matches(Secret("")))
  }

  @Test("two hashes of one password differ by their salt, and name their cost")
  func salted() throws {
    let first = try PasswordHash(of: Secret("same"), cost: .cheapest)
    let second = try PasswordHash(of: Secret("same"), cost: .cheapest)
    #expect(first != second)
    #expect(first.text.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
  }

  @Test("a zero byte in a password is part of it")
  func zeroByte() throws {
    let hash = try PasswordHash(of: Secret([0x61, 0, 0x62]), cost: .cheapest)
    #expect(!hash.matches(Secret([0x61])))
    #expect(!hash.matches(Secret([0x61, 0, 0x63])))
    #expect(hash.matches(Secret([0x61, 0, 0x62])))
  }

  @Test("text that is no hash matches nothing", arguments: ["", "$argon2id$", String(repeating: "x", count: 128)])
  func malformed(text: String) {
    #expect(!PasswordHash(text: text).matches(Secret("")))
  }
}

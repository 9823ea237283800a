import Cryptography
import TestSupport
import Testing

@Suite("Server key")
struct ServerKeyTests {
  @Test("a box opens for its purpose and its key only")
  func sealsByPurpose() {
    let key = ServerKey()
    let sealed = key.seal([1, 2, 3], purpose: "outbox")
    #expect(key.open(sealed, purpose: "outbox") == [1, 2, 3])
    #expect(key.open(sealed, purpose: "other") == nil)
    #expect(ServerKey().open(sealed, purpose: "outbox") == nil)
    #expect(key.seal([1, 2, 3], purpose: "outbox") != sealed)
  }

  @Test("a hash depends on the key, the purpose and where each value ends")
  func hashes() {
    let key = ServerKey()
    let hash = key.hash([[1, 2], [3]], purpose: "code")
    #expect(hash == key.hash([[1, 2], [3]], purpose: "code"))
    #expect(hash != key.hash([[1], [2, 3]], purpose: "code"))
    #expect(hash != key.hash([[1, 2], [3]], purpose: "name"))
    #expect(hash != ServerKey().hash([[1, 2], [3]], purpose: "code"))
    #expect(key.countedName([1]) != key.countedName([2]))
  }

  @Test("a server key survives two rotations, and is lost without the key that encrypted it")
  func rotates() throws {
    let (first, key) = (KeyEncryptionKeys(), ServerKey())
    let sealed = first.encrypt(key)
    let box = key.seal([7], purpose: "test")
    let second = first.rotated
    let opened = try #require(second.decrypt(sealed))
    #expect(opened.isByPrevious)
    #expect(opened.key.open(box, purpose: "test") == [7])
    let again = second.encrypt(opened.key)
    #expect(try #require(second.withoutPrevious.decrypt(again)).isByPrevious == false)
    #expect(second.withoutPrevious.decrypt(sealed) == nil)
    #expect(first.decrypt(again) == nil)
    #expect(second.rotated.decrypt(sealed) == nil)
  }

  @Test("one key and two different keys of 32 bytes are accepted, and nothing else")
  func counts() {
    let (one, two, three) = (
      [UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 32), [UInt8](repeating: 3, count: 32)
    )
    #expect(KeyEncryptionKeys([one])?.hasPrevious == false)
    #expect(KeyEncryptionKeys([one, two])?.exposed == [one, two])
    #expect(KeyEncryptionKeys([]) == nil)
    #expect(KeyEncryptionKeys([one, two, three]) == nil)
    #expect(KeyEncryptionKeys([one, one]) == nil)
    #expect(KeyEncryptionKeys([Array(one.dropLast())]) == nil)
    #expect(KeyEncryptionKeys([one + [1]]) == nil)
  }

  @Test("a sealed password opens for its person and under its key only, and no two boxes are equal")
  func passwords() throws {
    let (key, owner) = (ServerKey(), [UInt8](repeating: 1, count: 16))
    let hash = try PasswordHash(of: Secret("correct horse"), cost: .cheapest)
    let box = key.sealPassword(hash, of: owner)
    #expect(key.openPassword(box, of: owner) == hash)
    #expect(key.openPassword(box, of: [UInt8](repeating: 2, count: 16)) == nil)
    #expect(ServerKey().openPassword(box, of: owner) == nil)
    #expect(key.sealPassword(hash, of: owner) != box)
    // Another purpose's box is none.
    #expect(key.openPassword(key.seal(Array(hash.text.utf8), purpose: "password"), of: owner) == nil)
    for changed in [[], Array(box.dropLast()), box + [0], box.dropLast() + [box[box.count - 1] ^ 1]] {
      #expect(key.openPassword(Array(changed), of: owner) == nil)
    }
  }

  @Test("no description or reflection shows a key")
  func hides() {
    var text = ""
    dump(ServerKey(), to: &text)
    dump(KeyEncryptionKeys(), to: &text)
    #expect(text.contains("ServerKey(secret)") && text.contains("redacted"))
    #expect(text.split(separator: "\n").count < 8)
  }
}

import Cryptography
import Postgres
@testable import StreakStore
import Testing

struct ServerKeyStoreTests {
  @Test("the first store makes the key, and others with the same file open it, also at the same moment")
  func sharedKey() async throws {
    try await TestStore.run { test in
      let keys = KeyEncryptionKeys()
      let others = try await [test.anotherStore(), test.anotherStore(), test.anotherStore()]
      #expect(try await !test.store.hasServerKey())
      let made = try await withThrowingTaskGroup(of: Bool.self) { group in
        for store in [test.store] + others {
          group.addTask(executorPreference: test.loops[0]) { try await store.openServerKey(keys, isOwner: true) }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(made == 1)
      let box = test.store.serverKey.seal([5], purpose: "test")
      for store in others {
        #expect(store.serverKey.open(box, purpose: "test") == [5])
        await store.close()
      }
    }
  }

  @Test("a key that does not fit is refused, and the store keeps the one it has")
  func misfit() async throws {
    try await TestStore.run { test in
      let keys = KeyEncryptionKeys()
      try await test.store.openServerKey(keys, isOwner: true)
      let box = test.store.serverKey.seal([5], purpose: "test")
      await #expect(throws: ServerKeyError.doesNotFit) {
        try await test.store.openServerKey(KeyEncryptionKeys(), isOwner: true)
      }
      #expect(test.store.serverKey.open(box, purpose: "test") == [5])
    }
  }

  @Test("a store that may not write opens a key, and makes none")
  func readOnly() async throws {
    try await TestStore.run { test in
      let keys = KeyEncryptionKeys()
      await #expect(throws: ServerKeyError.self) { try await test.store.openServerKey(keys, isOwner: false) }
      #expect(try await !test.store.hasServerKey())
      try await test.store.openServerKey(keys, isOwner: true)
      // The previous key: only an owner encrypts anew.
      #expect(try await !test.store.openServerKey(keys.rotated, isOwner: false))
      #expect(try await !test.store.openServerKey(keys, isOwner: false))
      let rotated = keys.rotated
      #expect(try await test.store.openServerKey(rotated, isOwner: true))
      #expect(try await !test.store.openServerKey(rotated.withoutPrevious, isOwner: false))
      await #expect(throws: ServerKeyError.doesNotFit) { try await test.store.openServerKey(keys, isOwner: false) }
    }
  }
}

import EventLoop
import Postgres
@testable import StreakStore
import Testing

@Suite("Password change", .serialized) struct PasswordChangeTests {
  private typealias Model = CredentialModel

  /// The sessions that wait for this one.
  private static let blocked = Statement(
    .read, "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))")

  @Test("a change of the password on a device that is signed out meanwhile changes nothing")
  func signedOutMeanwhile() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let other = try await test.anotherStore()
      let account = try await CredentialAccount.make(test, other, number: 0)
      let (change, loop) = (
        Model.Call.changePassword(device: 0, password: "p0", newPassword: "p1", pair: 10), test.loops[1]
      )
      let changing = try await test.store.transaction {
        transaction throws(StoreError) -> TransactionEnd<Task<Model.Answer, any Error>> in
        _ = try await StreakStore.signOut(account.deviceIDs[0], of: account.userID, by: transaction)
        let changing = Task(executorPreference: loop) { try await account.perform(change, by: account.stores[1]) }
        // The change saw the device as signed in, and waits for its row.
        var isWaiting = false
        while !isWaiting {
          isWaiting =
            try await transaction.row(Self.blocked) { row throws(DatabaseError) in try row.int64(0) } ?? 0 > 0
        }
        return .commit(changing)
      }
      #expect(try await changing.value == .conflict)
      let after = try await account.observe(test)
      #expect(after.password == "p0" && after.devices[0]?.family == nil)
      await other.close()
    }
  }
}

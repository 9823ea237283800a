import Postgres
import struct StreakDomain.Identifier
import StreakStore
import Testing

/// The notifications that servers get when credentials end: without one a server accepts a token
/// until its cached grant is old.
@Suite(.serialized) struct RevocationTests {
  private typealias Calls = CredentialCalls

  /// Each call that ends credentials, or changes what a grant says.
  private static let calls: [(Calls.Beginning, CredentialModel.Call)] = [
    (.plain, .signOut(device: 0)), (.plain, .signOutAll), (.plain, .revoke(device: 1)),
    (.plain, .changePassword(device: 0, password: "p0", newPassword: "p1", pair: 10)),
    (.plain, .recover(code: 0, device: 0, pair: 10, newPassword: "p1")),
    (.plain, .reset(link: Calls.resetLink, newPassword: "p1")),
    (.changed, .takeBack(link: Calls.takeBackLink, newPassword: "p1")),
    // A refresh token that was used before.
    (.plain, .refresh(root: 1, presented: 9, pair: 10)), (.plain, .lock),
    (.plain, .announceDeletion(device: 0, password: "p0")), (.approved, .cancelDeletion), (.approved, .eraseIfDue),
    (.plain, .eraseByPerson(device: 0, password: "p0")), (.plain, .eraseByOperator),
  ]

  @Test("every loop is notified of each call that ends credentials", arguments: calls.indices)
  func isHeard(index: Int) async throws {
    let (beginning, call) = Self.calls[index]
    try await TestStore.run(loopCount: 2) { test async throws in
      let store = test.store
      let account = try await CredentialAccount.make(test, store, number: 0)
      for call in beginning.calls { _ = try await account.perform(call, by: store) }
      var events = try await test.listen()
      let answer = try await account.perform(call, by: store)
      var model = beginning.state
      #expect(answer == model.apply(call))
      // Notifications come in the order of the commits: after this one, none is on its way.
      let end = Identifier.random()
      _ = try await test.database.run(
        Statement(.write, "SELECT pg_notify('\(StreakStore.revocationChannel)', '\(end)')"))
      var isNotified = false
      while case .some(let event) = await events.next() {
        if case .revocation(account.userID) = event { isNotified = true }
        if case .revocation(end) = event { break }
      }
      #expect(isNotified, "\(call)")
      await events.close()
    }
  }
}

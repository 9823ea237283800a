import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Testing

@Suite("Import into an account: the number of days that count")
struct ImportCountingTests {
  private let clock = TestClock()

  private func client() async throws -> StreakClient {
    let network = TestNetwork { method, _, _ in
      guard method == "SignIn" else { throw RPCStatus(.unavailable, method) }
      return SignInResponse(
        account: Account(userId: Array(repeating: 7, count: 16), email: "a@b.c"),
        tokens: Tokens(accessToken: "a", refreshToken: "r")
      ).protobufBytes()
    }
    let client = StreakClient(storage: MemoryStorage(), network: network, clock: clock)
    try await client.signIn(email: "a@b.c", password: "secret")
    return client
  }

  private func history(_ days: [Day]) -> ImportedHistory {
    var history = ImportedHistory(source: .table)
    var habit = ImportedHistory.Habit(name: "Read")
    for day in days { habit.days[day] = "" }
    history.habits = [habit]
    return history
  }

  private func shown(_ client: StreakClient) async throws -> Int {
    try await client.habits().reduce(0) { $0 + $1.cells.values.count { $0.done && $0.trust == .counted } }
  }

  @Test("the number told is the number of days that are shown as counted", arguments: [0, 1, 5, 10, 40])
  func promise(daysOffline: Int) async throws {
    let client = try await client()
    clock.advance(milliseconds: Int64(daysOffline) * 86_400_000)
    let today = try await client.today()
    let history = history((-1...60).map { today.advanced(by: -$0) })
    let before = try await client.previewImport(history)
    let report = try await client.importHistory(history)
    #expect(before == report)
    #expect(report.isInAccount)
    #expect(report.daysThatWillCount == (try await shown(client)))
  }

  @Test("days that wait in the queue use the allowance first")
  func queue() async throws {
    let client = try await client()
    clock.advance(milliseconds: 5 * 86_400_000)
    let today = try await client.today()
    let other = try await client.addHabit("Other")
    for ago in 0...5 { try await client.complete(other, on: today.advanced(by: -ago)) }
    let counted = try await shown(client)
    let report = try await client.importHistory(history((-1...6).map { today.advanced(by: -$0) }))
    #expect(report.daysThatWillCount == (try await shown(client)) - counted)
  }
}

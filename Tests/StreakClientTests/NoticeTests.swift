import ProtobufCodec
import RPC
import Schema
@testable import StreakClient
import StreakDomain
import Synchronization
import Testing

/// Notices for which the answer to a sync has no room.
@Suite("More notices than an answer takes")
struct NoticeTests {
  private let storage = MemoryStorage()

  /// A server with notices that tells a few of them in each answer.
  private final class Server: Sendable {
    /// Notices in an answer, or in a page.
    static let shownMax = 3

    struct State {
      var count = 0
      /// Pages that are answered before the next one fails.
      var pagesUntilFailure = Int.max
      /// The list never ends.
      var isEndless = false
      var pages = 0
    }
    let state = Mutex(State())

    private static func notice(_ number: Int) -> Schema.Notice {
      Schema.Notice(
        noticeId: [UInt8](repeating: UInt8(clamping: number), count: 16), kind: .noteConflict,
        habitId: [UInt8](repeating: 9, count: 16), winningValue: NoticeValue(value: .text("k")),
        losingValue: NoticeValue(value: .text("o")), version: Int64(number))
    }

    func answer(_ method: String, _ request: [UInt8]) throws -> [UInt8] {
      try state.withLock { state in
        // The latest first.
        let all = (1...max(1, state.count)).reversed().map(Self.notice).prefix(state.count)
        switch method {
        case "SignIn":
          return SignInResponse(
            account: Account(userId: [UInt8](repeating: 7, count: 16), email: "a@b.c"),
            tokens: Tokens(accessToken: "a", refreshToken: "r")
          ).protobufBytes()
        case "Sync":
          let request = try SyncRequest(protobufBytes: request)
          var response = SyncResponse(cursor: Schema.Cursor(epoch: 1, changeNumber: Int64(state.count)))
          if request.cursor?.changeNumber ?? 0 < Int64(state.count) {
            response.notices = Array(all.prefix(Self.shownMax))
            response.moreNotices = all.count > Self.shownMax
          }
          return response.protobufBytes()
        case "ListNotices":
          guard state.pages < state.pagesUntilFailure else { throw RPCStatus(.unavailable, "away") }
          state.pages += 1
          let start = Int(try ListNoticesRequest(protobufBytes: request).pageToken) ?? 0
          let page = all.dropFirst(start).prefix(Self.shownMax)
          let next = start + page.count
          let token = next < all.count || state.isEndless ? "\(next)" : ""
          return ListNoticesResponse(notices: Array(page), nextPageToken: token).protobufBytes()
        default: throw RPCStatus(.unimplemented, method)
        }
      }
    }
  }

  private let server = Server()

  private func signedIn() async throws -> StreakClient {
    let server = server
    let network = TestNetwork { method, request, _ in try server.answer(method, request) }
    let client = StreakClient(storage: storage, network: network, clock: TestClock())
    try await client.signIn(email: "a@b.c", password: "secret")
    return client
  }

  @Test("all of them come with one sync, and nothing is listed where all fit", arguments: [0, 1, 3, 4, 10])
  func all(count: Int) async throws {
    server.state.withLock { $0.count = count }
    let client = try await signedIn()
    try await client.sync()
    #expect(try await client.notices().count == count)
    #expect(server.state.withLock { $0.pages } == (count > Server.shownMax ? (count + 2) / Server.shownMax : 0))
  }

  @Test("where the list fails nothing of the answer is taken, and the next sync has all of it")
  func failure() async throws {
    server.state.withLock { ($0.count, $0.pagesUntilFailure) = (10, 2) }
    let client = try await signedIn()
    await #expect(throws: ClientError.self) { try await client.sync() }
    #expect(try await client.notices().isEmpty)
    server.state.withLock { $0.pagesUntilFailure = .max }
    try await client.sync()
    #expect(try await client.notices().count == 10)
  }

  @Test("a list without an end is given up after as many pages as the limit")
  func endless() async throws {
    server.state.withLock { ($0.count, $0.isEndless) = (10, true) }
    let client = try await signedIn()
    await #expect(throws: ClientError.self) { try await client.sync() }
    #expect(server.state.withLock { $0.pages } == StreakClient.noticePagesMax)
  }
}

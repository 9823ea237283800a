import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import StreakClient
import StreakDomain
import Synchronization
import Testing

/// Recovery codes, approvals by another device, and announced deletions, as an app sees them.
@Suite("Proofs of a person in an app")
struct ProofTests {
  private let clock = TestClock()
  private let storage = MemoryStorage()
  private let network = TestNetwork { method, _, _ in throw RPCStatus(.unimplemented, method) }

  private func open() -> StreakClient { StreakClient(storage: storage, network: network, clock: clock) }

  private static let account = Account(userId: Array(repeating: 7, count: 16), email: "a@b.c", recoveryCodesLeft: 7)
  private static let tokens = Tokens(accessToken: "a", refreshToken: "r")

  @Test("a recovery signs in, and its repetition on another open is the same request")
  func recovery() async throws {
    let requests = Mutex<[[UInt8]]>([])
    network.now { called, request, _ in
      guard called == "RecoverAccount" else { throw RPCStatus(.unimplemented, called) }
      let isFirst = requests.withLock { requests in
        requests.append(request)
        return requests.count == 1
      }
      guard !isFirst else { throw RPCStatus(.unavailable, "lost") }
      return RecoverAccountResponse(account: Self.account, tokens: Self.tokens).protobufBytes()
    }
    await #expect(throws: ClientError.self) {
      try await open().recoverAccount(email: "a@b.c", code: "AAAAA-AAAAA", newPassword: "new words here")
    }
    let client = open()
    #expect(try await client.recoverAccount(email: "a@b.c", code: "AAAAA-AAAAA", newPassword: "new words here") == 7)
    let sent = requests.withLock { $0 }
    #expect(sent.count == 2 && sent[0] == sent[1])
    let request = try RecoverAccountRequest(protobufBytes: sent[0])
    #expect(request.idempotencyKey.count == 32 && request.recoveryCode == "AAAAA-AAAAA")
    #expect(try await client.accounts().map(\.isSignedIn) == [true])
  }

  @Test("a recovery whose answer was lost is repeated with the same device id, although the id was given up since")
  func recoveryOfCopy() async throws {
    let requests = Mutex<[RecoverAccountRequest]>([])
    network.now { called, request, _ in
      switch called {
      case "SignIn": return SignInResponse(account: Self.account, tokens: Self.tokens).protobufBytes()
      case "RecoverAccount":
        let asked = try RecoverAccountRequest(protobufBytes: request)
        let first = requests.withLock { requests in
          requests.append(asked)
          return requests[0]
        }
        guard asked.device?.deviceId == first.device?.deviceId else {
          throw RPCStatus(.unauthenticated, "no").with(
            GoogleRPCErrorInfo(reason: "SIGN_IN_REFUSED", domain: "streak.v1"))
        }
        guard requests.withLock({ $0.count }) > 1 else { throw RPCStatus(.unavailable, "lost") }
        return RecoverAccountResponse(account: Self.account, tokens: Self.tokens).protobufBytes()
      case "Sync":
        throw RPCStatus(.unauthenticated, "no").with(
          GoogleRPCErrorInfo(reason: "CREDENTIALS_INVALID", domain: "streak.v1", metadata: ["new_device": "true"]))
      default: throw RPCStatus(.unimplemented, called)
      }
    }
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    await #expect(throws: ClientError.self) {
      try await client.recoverAccount(email: "a@b.c", code: "AAAAA-AAAAA", newPassword: "new words here")
    }
    // When: the next sync finds that the device was signed in again, by the lost answer.
    await #expect(throws: ClientError.copied) { try await client.sync() }
    #expect(try await client.recoverAccount(email: "a@b.c", code: "AAAAA-AAAAA", newPassword: "new words here") == 7)
    let devices = requests.withLock { $0.map(\.device?.deviceId) }
    #expect(devices.count == 3 && devices[0] == devices[2] && devices[0] != devices[1])
  }

  @Test("a sign-in that another device approves becomes the current account; one that ends does not")
  func approval() async throws {
    let answers = Mutex<[SignInApprovalState]>([.pending, .ended, .pending, .approved])
    network.now { called, request, _ in
      switch called {
      case "RequestSignInApproval":
        return RequestSignInApprovalResponse(
          requestId: Array(repeating: 1, count: 16), requestSecret: Array(repeating: 2, count: 32), digits: "123456"
        ).protobufBytes()
      case "GetSignInApproval":
        let asked = try GetSignInApprovalRequest(protobufBytes: request)
        #expect(asked.requestSecret == Array(repeating: 2, count: 32))
        let state = answers.withLock { $0.removeFirst() }
        return GetSignInApprovalResponse(
          state: state, account: state == .approved ? Self.account : nil, tokens: state == .approved ? Self.tokens : nil
        ).protobufBytes()
      default: throw RPCStatus(.unimplemented, called)
      }
    }
    let client = open()
    let pending = try await client.requestSignIn(email: "a@b.c")
    #expect(pending.digits == "123456")
    #expect(try await client.checkSignIn(pending) == .pending)
    #expect(try await client.checkSignIn(pending) == .ended)
    #expect(try await client.accounts().isEmpty)
    #expect(try await client.checkSignIn(pending) == .pending)
    #expect(try await client.checkSignIn(pending) == .signedIn)
    #expect(try await client.accounts().map(\.email) == ["a@b.c"])
  }

  @Test("an announced deletion is shown until it is taken back, also after the app was closed")
  func deletion() async throws {
    let date = Instant(seconds: 4_000_000_000)
    network.now { called, request, _ in
      switch called {
      case "SignIn": return SignInResponse(account: Self.account, tokens: Self.tokens).protobufBytes()
      case "DeleteAccount":
        let asked = try DeleteAccountRequest(protobufBytes: request)
        guard asked.proof != nil else {
          throw RPCStatus(.failedPrecondition, "no").with(
            GoogleRPCErrorInfo(reason: "REAUTHENTICATION_REQUIRED", domain: "streak.v1"))
        }
        #expect(!asked.immediately && asked.proof?.proof == .recoveryCode("AAAAA-AAAAA"))
        return DeleteAccountResponse(deletionAt: GoogleProtobufTimestamp(seconds: date.seconds)).protobufBytes()
      case "CancelDeletion": return CancelDeletionResponse(wasAnnounced: true).protobufBytes()
      default: throw RPCStatus(.unimplemented, called)
      }
    }
    let client = open()
    try await client.signIn(email: "a@b.c", password: "secret")
    await #expect(throws: ClientError.self) {
      try await client.announceDeletion(email: "a@b.c", confirmation: StreakClient.deletionPhrase)
    }
    #expect(try await client.accounts().map(\.deletionAt) == [nil])
    let announced = try await client.announceDeletion(
      email: "a@b.c", confirmation: StreakClient.deletionPhrase, proof: .recoveryCode("AAAAA-AAAAA"))
    #expect(announced == date)
    #expect(try await open().accounts().map(\.deletionAt) == [date])
    #expect(try await client.cancelDeletion())
    #expect(try await open().accounts().map(\.deletionAt) == [nil])
  }
}

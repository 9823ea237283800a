internal import ProtobufCodec
internal import RPC
internal import Schema
internal import StreakDomain

/// Calls with and without an account's credentials.
extension StreakClient {
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: MethodDescriptor, _ request: Request, _ type: Response.Type = Response.self, bearer: String? = nil
  ) async throws(ClientError) -> Response {
    guard let network else { throw .notPossible("This client has no network.") }
    let bytes: [UInt8]
    do throws(RPCStatus) { bytes = try await network.call(method, request.protobufBytes(), bearer: bearer) } catch {
      throw ClientError(error)
    }
    do throws(DecodeError) { return try Response(protobufBytes: bytes) } catch {
      throw .failing("A response cannot be decoded: \(error)")
    }
  }

  /// Makes a call for an account. If its credentials are refused, they are renewed and the call is
  /// repeated. If they cannot be renewed, the account is marked as signed out.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: MethodDescriptor, _ request: Request, _ type: Response.Type = Response.self, for userID: Identifier
  ) async throws(ClientError) -> Response {
    do throws(ClientError) {
      let bearer = try await bearer(of: userID)
      do throws(ClientError) {
        return try await call(method, request, type, bearer: bearer)
      } catch .signInNeeded {
        return try await call(method, request, type, bearer: try await refresh(bearer, of: userID))
      }
    } catch {
      try note(error, of: userID)
      throw error
    }
  }

  /// The account's access token, for a call of another kind; the caller records failures with
  /// `note`.
  func bearer(of userID: Identifier) async throws(ClientError) -> String {
    let credentials = try store.read { state throws(ClientError) in state.accounts[userID]?.credentials }
    guard let credentials else { throw .signInNeeded }
    return credentials.accessToken
  }

  /// How long another process's running refresh keeps this one from starting its own, in
  /// milliseconds.
  static let refreshLeaseMilliseconds: Int64 = 10_000
  /// Milliseconds between two checks whether it has ended.
  static let refreshPollMilliseconds: Int64 = 100

  private enum RefreshStep {
    /// The credentials were renewed by another process.
    case isDone(accessToken: String)
    case begin(refreshToken: String)
    case wait
  }

  /// Renews the credentials of an account.
  ///
  /// The server issues another pair for the same refresh token as long as no pair of it was used.
  /// So neither a lost reply nor a kill before the answer is stored loses the credentials. But a
  /// refresh token that arrives after its successor was used looks like a stolen copy. So only one
  /// of the processes that share this device's storage refreshes at a time.
  /// - Parameter refused: The access token that the server refused.
  func refresh(_ refused: String, of userID: Identifier) async throws(ClientError) -> String {
    for _ in 0..<(Self.refreshLeaseMilliseconds / Self.refreshPollMilliseconds) {
      switch try beginRefresh(refused, of: userID, isPatient: true) {
      case .isDone(let accessToken): return accessToken
      case .begin(let refreshToken): return try await refresh(with: refreshToken, of: userID)
      case .wait: await clock.sleep(milliseconds: Self.refreshPollMilliseconds)
      }
    }
    switch try beginRefresh(refused, of: userID, isPatient: false) {
    case .isDone(let accessToken): return accessToken
    case .begin(let refreshToken): return try await refresh(with: refreshToken, of: userID)
    case .wait: throw .failing("Another process of this device refreshes its credentials.")
    }
  }

  /// - Parameter isPatient: Whether to wait for another process's refresh.
  private func beginRefresh(
    _ refused: String, of userID: Identifier, isPatient: Bool
  ) throws(ClientError) -> RefreshStep {
    let now = clock.now
    let step = try store.change { state throws(ClientError) -> RefreshStep? in
      state.changeAccount(userID) { account in
        guard let credentials = account.credentials else { return nil }
        guard credentials.accessToken == refused else { return .isDone(accessToken: credentials.accessToken) }
        let age = now.milliseconds(since: credentials.refreshBegunAt)
        if isPatient, (0..<Self.refreshLeaseMilliseconds).contains(age) { return .wait }
        account.credentials?.refreshBegunAt = now
        return .begin(refreshToken: credentials.refreshToken)
      } ?? nil
    }
    guard let step else { throw .signInNeeded }
    return step
  }

  private func refresh(with refreshToken: String, of userID: Identifier) async throws(ClientError) -> String {
    do throws(ClientError) {
      let request = RefreshRequest(refreshToken: refreshToken)
      let response = try await call(AccountServiceMethods.refresh, request, RefreshResponse.self)
      let fresh = ClientAccount.Credentials(response.tokens ?? Tokens())
      return try store.change { state throws(ClientError) in
        // The credentials have changed since: an older answer must not replace them.
        guard state.accounts[userID]?.credentials?.refreshToken == refreshToken else {
          return state.accounts[userID]?.credentials?.accessToken ?? fresh.accessToken
        }
        _ = state.changeAccount(userID) { $0.credentials = fresh }
        return fresh.accessToken
      }
    } catch {
      let present = try store.change { state throws(ClientError) in
        state.changeAccount(userID) { account in
          if account.credentials?.refreshToken == refreshToken { account.credentials?.refreshBegunAt = .epoch }
          return account.credentials
        } ?? nil
      }
      // The person has signed in meanwhile, in another process.
      if error == .signInNeeded || error == .copied, let present, present.refreshToken != refreshToken {
        return present.accessToken
      }
      throw error
    }
  }

  /// Records the consequence of a refusal for an account.
  func note(_ error: ClientError, of userID: Identifier) throws(ClientError) {
    switch error {
    case .signInNeeded, .copied:
      let isNews = try store.change { state throws(ClientError) in
        state.changeAccount(userID) { account in
          account.credentials = nil
          guard account.standing == .signedIn else { return false }
          account.standing = error == .copied ? .mustRegister : .signedOut
          return true
        } ?? false
      }
      if isNews { publish(.signInNeeded) }
    case .accountErased:
      let isNews = try store.change { state throws(ClientError) in
        let isHere = state.accounts[userID] != nil
        state.dropAccount(userID)
        return isHere
      }
      if isNews { publish(.accountErased) }
    case .accountUnknown:
      let now = clock.now
      let isNews = try store.change { state throws(ClientError) in
        state.moveIntoSession(userID, now: now) { day, dayStart in
          clientTime(on: day, now: now, dayStartMinutes: dayStart)
        }
      }
      if isNews {
        currentHasChanged()
        publish(.accountUnknown)
      }
    default: break
    }
  }
}

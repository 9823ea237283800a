internal import ProtobufCodec
internal import RPC
internal import Schema
internal import StreakDomain

/// Calls, with and without an account's credentials.
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

  /// Makes a call for an account, with fresh credentials if the present ones are refused. Says once and for all when there are none that work.
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

  /// The account's access token, for a call that is made otherwise; whoever calls keeps what a failure means (`note`). A refresh that was begun and not ended comes first: its answer can be had again, but not for long.
  func bearer(of userID: Identifier) async throws(ClientError) -> String {
    let credentials = try store.read { state throws(ClientError) in state.accounts[userID]?.credentials }
    guard let credentials else { throw .signInNeeded }
    return credentials.isRefreshing
      ? try await refresh(credentials.accessToken, of: userID) : credentials.accessToken
  }

  /// Gets new credentials for an account.
  ///
  /// A refresh token that was used gives its answer again for a while, so neither a lost reply nor a kill before the answer is kept loses anything:
  /// that one was begun is kept first, and whoever finds that note begins by asking again.
  /// - Parameter refused: The access token that is not good any more.
  func refresh(_ refused: String, of userID: Identifier) async throws(ClientError) -> String {
    let used = try store.change { state throws(ClientError) -> ClientAccount.Credentials? in
      guard let credentials = state.accounts[userID]?.credentials else { return nil }
      guard credentials.accessToken == refused else { return credentials }
      _ = state.changeAccount(userID) { $0.credentials?.isRefreshing = true }
      return state.accounts[userID]?.credentials
    }
    guard let used else { throw .signInNeeded }
    // Somebody else has refreshed them meanwhile.
    guard used.accessToken == refused else { return used.accessToken }
    do throws(ClientError) {
      let request = RefreshRequest(refreshToken: used.refreshToken)
      let response = try await call(AccountServiceMethods.refresh, request, RefreshResponse.self)
      let fresh = ClientAccount.Credentials(response.tokens ?? Tokens())
      return try store.change { state throws(ClientError) in
        // An older answer must not replace what was given since.
        guard state.accounts[userID]?.credentials?.refreshToken == used.refreshToken else {
          return state.accounts[userID]?.credentials?.accessToken ?? fresh.accessToken
        }
        _ = state.changeAccount(userID) { $0.credentials = fresh }
        return fresh.accessToken
      }
    } catch .signInNeeded {
      // Another process may have been faster, and its token is good.
      let present = try store.read { state throws(ClientError) in state.accounts[userID]?.credentials }
      if let present, present.refreshToken != used.refreshToken { return present.accessToken }
      throw .signInNeeded
    }
  }

  /// Keeps what a refusal means for an account.
  func note(_ error: ClientError, of userID: Identifier) throws(ClientError) {
    switch error {
    case .signInNeeded:
      let isNews = try store.change { state throws(ClientError) in
        state.changeAccount(userID) { account in
          account.credentials = nil
          guard account.standing == .signedIn else { return false }
          account.standing = .signedOut
          return true
        } ?? false
      }
      if isNews { tell(.signInNeeded) }
    case .accountErased:
      let isNews = try store.change { state throws(ClientError) in
        let isHere = state.accounts[userID] != nil
        state.dropAccount(userID)
        return isHere
      }
      if isNews { tell(.accountErased) }
    case .accountUnknown:
      let now = clock.milliseconds
      let isNews = try store.change { state throws(ClientError) in
        state.turnIntoSession(userID, now: now) { day, dayStart in made(on: day, now: now, dayStartMinutes: dayStart) }
      }
      if isNews {
        currentHasChanged()
        tell(.accountUnknown)
      }
    default: break
    }
  }
}

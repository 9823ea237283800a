import StreakClient

extension Streak {
  /// Tries to send recorded changes; if that fails, a later command sends them.
  static func sendSoon(_ client: StreakClient, _ hasServer: Bool, _ isOffline: Bool) async throws {
    // Without an account, the session is only introduced to the server, once.
    let current = try await client.accounts().first(where: \.isCurrent)
    guard hasServer, !isOffline, current?.isSignedIn != false else { return }
    do throws(ClientError) { try await client.sync() } catch {
      if [.signInNeeded, .copied, .accountErased, .accountUnknown].contains(error) { printError(error.description) }
    }
  }

  /// Time limit for the server, in milliseconds, in commands that work without it.
  static let soonMilliseconds: UInt64 = 3_000
}

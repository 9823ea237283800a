import StreakClient

extension Streak {
  /// Tries to tell the server of what was recorded; if that cannot be, it is told later.
  static func sendSoon(_ client: StreakClient, _ hasServer: Bool, _ isOffline: Bool) async throws {
    // Without an account the server only hears that there is a session, once.
    let current = try await client.accounts().first(where: \.isCurrent)
    guard hasServer, !isOffline, current?.isSignedIn != false else { return }
    do throws(ClientError) { try await client.sync() } catch {
      if [.signInNeeded, .accountErased, .accountUnknown].contains(error) { complain(error.description) }
    }
  }

  /// How long a command waits for the server when it need not.
  static let soonMilliseconds: UInt64 = 3_000
}

import StreakClient
import StreakDomain

/// Makes a call that needs a recent proof of the person, and asks for one if there is none.
func withProof<Value: Sendable>(
  _ client: StreakClient, _ call: () async throws(ClientError) -> Value
) async throws -> Value {
  do throws(ClientError) {
    return try await call()
  } catch {
    guard error.reason == .reauthenticationRequired else { throw error }
  }
  try await client.reauthenticate(try askForProof())
  return try await call()
}

/// Asks for the password; an empty line asks for a recovery code, for a person who forgot it.
func askForProof() throws -> IdentityProof {
  let password = try Terminal.secret("Password (empty: a recovery code): ", "password", mayBeEmpty: true)
  guard password.isEmpty else { return .password(password) }
  return .recoveryCode(try Terminal.secret("Recovery code: ", "recovery code"))
}

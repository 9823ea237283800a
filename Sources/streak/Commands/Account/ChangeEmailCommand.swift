import ArgumentParser
import StreakClient

struct ChangeEmailCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "email", abstract: "Changes the account's email.",
    discussion: """
      The password, or an empty line and a recovery code, is asked for, or read from standard input, unless you have just logged in. A code is mailed to the new email; streak account verify --code enters it. The former \
      email is told, if it was confirmed, and can take the account back for seven days (streak account take-back).
      """)

  @Argument(help: "The new email.")
  var email: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      try await withProof(client) { () async throws(ClientError) in
        try await client.requestAddressChange(to: email)
      }
      say("A code is on its way to \(email.plain). Then: streak account verify --code")
    }
  }
}

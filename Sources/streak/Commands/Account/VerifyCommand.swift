import ArgumentParser
import StreakClient

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Confirms the account's email, so that a forgotten password can be replaced.",
    discussion: """
      Without --code a code is mailed to the account's email. With --code, the code or the link of that mail is asked for, or read from standard \
      input. It also confirms a new email (streak account email).
      """)

  @Flag(help: "The mail has come: enter its code.")
  var code = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      guard code else {
        let isMailed = try await client.requestVerification()
        return say(
          isMailed
            ? "A code is on its way to the account's email. Then: streak account verify --code"
            : "The account's email is confirmed already.")
      }
      let email = try await client.verifyAddress(try Terminal.secret("Code from the mail: ", "code"))
      say("\(email.plain): confirmed.")
    }
  }
}

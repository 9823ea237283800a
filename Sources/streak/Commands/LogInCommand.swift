import ArgumentParser
import StreakClient

struct LogInCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Signs this device in to an account.",
    discussion: """
      The password is asked for, or read from standard input. What was recorded here without an account stays apart unless --migrate brings it \
      into this one; it can be brought later by the same command.
      """)

  @Argument(help: "Your email.")
  var email: String

  @Flag(help: "Bring what was recorded here without an account into this one.")
  var migrate = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      try await client.signIn(email: email, password: try Terminal.password("Password: "))
      try options.remember()
      say("\(email): signed in.")
      if migrate, try await client.hasSession() {
        say(try await client.migrateSession().summary)
      } else if try await client.hasSession() {
        say(
          "What was recorded here without an account stays apart; bring it along with: streak login \(email) --migrate")
      }
      try await client.sync()
    }
  }
}

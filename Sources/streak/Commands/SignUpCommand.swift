import ArgumentParser
import StreakClient

struct SignUpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signup", abstract: "Makes an account of what was recorded here.",
    discussion: """
      The password is asked for, or read from standard input. Before that, the command prints which of the days recorded here will count in the \
      account: those of the last 30 days; earlier ones are kept and shown. If the answer is lost, repeat the command: it gives the same account.
      """)

  @Argument(help: "Your email.")
  var email: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      if let preview = try await client.previewSignUp() { say(preview.summary) }
      let password = try Terminal.newPassword("Password (8 bytes at least): ")
      let report = try await client.signUp(email: email, password: password)
      try options.remember()
      say("\(email): signed up. \(report.map(\.summary) ?? "")")
      say("If you forget the password, a recovery code signs you in: streak account codes makes some.")
      try await client.sync()
    }
  }
}

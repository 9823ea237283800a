import ArgumentParser
import StreakClient

struct SignUpCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signup", abstract: "Makes an account of what was recorded here.",
    discussion: """
      The password is asked for, or read from standard input. Before that, the command prints which of the days recorded here will count in the \
      account: those of the last 30 days; earlier ones are kept and shown. If the answer is lost, repeat the command: it gives the same account.

      An email that another account has without having confirmed it needs a code: --request-code has it mailed, and --code asks for it before the \
      password.
      """)

  @Argument(help: "Your email.")
  var email: String

  @Flag(help: "Only have a code mailed that confirms the email.")
  var requestCode = false

  @Flag(help: "Enter the code of that mail.")
  var code = false

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard !(requestCode && code) else {
      throw ValidationError("Give --request-code first, and --code when the mail has come.")
    }
  }

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      if requestCode {
        try await client.requestSignUpCode(to: email)
        try options.remember()
        return say("A mail is on its way to \(email.plain). Then: streak signup \(email.plain) --code")
      }
      if let preview = try await client.previewSignUp() { say(preview.summary) }
      let addressCode = code ? try Terminal.secret("Code from the mail: ", "code") : ""
      let password = try Terminal.newPassword("Password (8 bytes at least): ")
      let report = try await client.signUp(email: email, password: password, addressCode: addressCode)
      try options.remember()
      say("\(email): signed up. \(report.map(\.summary) ?? "")")
      say("If you forget the password, a recovery code signs you in: streak account codes makes some.")
      try await client.sync()
    }
  }
}

import ArgumentParser
import StreakClient

struct ForgotPasswordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forgot-password", abstract: "Replaces a forgotten password by a link that is mailed.",
    discussion: """
      Without --link a link is mailed to the email, if an account has confirmed it (streak account verify). With --link, that link and the new \
      password are asked for, or read from standard input, a line each: every device is signed out then.
      """)

  @Argument(help: "The account's email; not with --link.")
  var email: String?

  @Flag(help: "The mail has come: choose the new password.")
  var link = false

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard link == (email == nil) else { throw ValidationError("Give either an email or --link.") }
  }

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      if let email {
        try await client.requestPasswordReset(of: email)
        try options.remember()
        return say(
          "If an account has confirmed \(email.plain), a link is on its way there. Then: streak forgot-password --link")
      }
      let link = try Terminal.secret("Link from the mail: ", "link")
      let fresh = try Terminal.newPassword("New password (8 bytes at least): ")
      let count = try await client.resetPassword(link, to: fresh)
      say(
        "The password is changed. \(count == 1 ? "1 device was" : "\(count) devices were") signed out: log in again. Recovery codes have ended: streak account codes makes new ones."
      )
    }
  }
}

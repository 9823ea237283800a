import ArgumentParser
import StreakClient

struct LogInCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "login", abstract: "Signs this device in to an account.",
    discussion: """
      The password is asked for, or read from standard input; with --forgot-password a recovery code and a new password, a line each. What was recorded here without an account stays apart unless --migrate brings it \
      into this one; it can be brought later by the same command.
      """)

  @Argument(help: "Your email.")
  var email: String

  @Flag(help: "Sign in with a recovery code, and set a new password; every other device is signed out.")
  var forgotPassword = false

  @Flag(help: "Sign in by the approval of another device that is signed in: streak account approve.")
  var askOtherDevice = false

  @Flag(help: "Bring what was recorded here without an account into this one.")
  var migrate = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      if forgotPassword {
        let code = try Terminal.password("Recovery code: ")
        let password = try Terminal.newPassword("New password (8 bytes at least): ")
        let left = try await client.recoverAccount(email: email, code: code, newPassword: password)
        try options.remember()
        say("\(email): signed in with a new password. \(left) recovery codes are left.")
      } else if askOtherDevice {
        let pending = try await client.requestSignIn(email: email)
        say("Approve \(pending.digits) on a device that is signed in: streak account approve \(pending.digits)")
        guard try await client.waitForSignIn(pending) == .signedIn else {
          throw CommandFailure("It was not approved.")
        }
        try options.remember()
        say("\(email): signed in.")
      } else {
        try await client.signIn(email: email, password: try Terminal.password("Password: "))
        try options.remember()
        say("\(email): signed in.")
      }
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

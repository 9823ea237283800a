import ArgumentParser
import StreakClient

struct PasswordCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "password", abstract: "Changes the password; every other device is signed out.",
    discussion: """
      The present password and the new one are asked for, or read from standard input, a line each. Recovery codes that another device made end. \
      If you do not know the present one: streak logout, then streak login EMAIL --forgot-password or streak forgot-password EMAIL.
      """)

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let present = try Terminal.password("Present password: ")
      let fresh = try Terminal.newPassword("New password (8 bytes at least): ")
      let count = try await client.changePassword(from: present, to: fresh)
      say("The password is changed. \(count == 1 ? "1 other device was" : "\(count) other devices were") signed out.")
      // The password is changed, whether or not this can be asked.
      let status = try? await client.accountStatus()
      if status?.recoveryCodesLeft == 0 { say("No recovery codes: streak account codes makes some.") }
    }
  }
}

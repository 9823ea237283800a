import ArgumentParser
import StreakClient

struct TakeBackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "take-back", abstract: "Takes an account back whose email someone else changed.",
    discussion: """
      The link of the mail that told of the change, and a new password, are asked for, or read from standard input, a line each. Every device is \
      signed out, and the account has its former email again.
      """)

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      let link = try Terminal.secret("Link from the mail: ", "link")
      let fresh = try Terminal.newPassword("New password (8 bytes at least): ")
      try await client.takeBackAddress(link, newPassword: fresh)
      say(
        "The account has its former email again: log in with it and the new password. Recovery codes have ended: streak account codes makes new ones."
      )
    }
  }
}
